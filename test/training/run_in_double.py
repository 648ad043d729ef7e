# SPDX-License-Identifier: Apache-2.0
"""``seg`` as a program of its own, in double precision and without dropout.

So runs on one and on several processes differ by rounding alone, and rounding is too small to be
taken for anything else.
"""

from __future__ import annotations

import sys

from torch import nn, Tensor

from seg_node.cli.main import main
from seg_node.training import processes


class NoDropout(nn.Dropout2d):
    """Keeps everything."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - its name in torch
        """Return what came."""
        return input


if __name__ == '__main__':
    nn.Dropout2d = NoDropout  # type: ignore[misc]
    processes.PRECISIONS['fp32'] = '64-true'
    sys.exit(main())
