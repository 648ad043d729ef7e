# SPDX-License-Identifier: Apache-2.0
"""The two ways of post-processing: the extension, and strips where it is not built."""

from __future__ import annotations

from contextlib import contextmanager
import os
from typing import TYPE_CHECKING

import pytest

from seg_node.imaging import extension

if TYPE_CHECKING:
    from collections.abc import Iterator

WAYS = ('native', 'strips')


@contextmanager
def taking(way: str) -> Iterator[None]:
    """Have post-processing done in one way; skip the test where that is not built.

    Args:
        way: One of ``WAYS``.
    """
    if way == 'native' and os.environ.get('SEG_NODE_REQUIRE_NATIVE') != '1':
        missing = extension.why_missing()
        if missing:
            pytest.skip(missing)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extension, 'is_here', lambda: way == 'native')
        yield
