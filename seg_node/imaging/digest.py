# SPDX-License-Identifier: Apache-2.0
"""A short name for pixels: equal for equal pixels of equal size, and for no others."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ['pixel_digest']

DIGEST_BYTES = 16


def pixel_digest(pixels: npt.NDArray[np.uint8]) -> str:
    """Return a checksum of an image, hexadecimal.

    Args:
        pixels: uint8 of any shape; the shape counts, the layout in memory does not.
    """
    digest = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=DIGEST_BYTES)
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()
