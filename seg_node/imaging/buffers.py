# SPDX-License-Identifier: Apache-2.0
"""What every frame must pass before anybody decodes it: a sane size and plain bytes."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import numpy as np

from seg_node.errors import ImageError

if TYPE_CHECKING:
    import numpy.typing as npt

MAX_PIXELS = 64_000_000  # 64 Mpx: above any camera we know, below what would exhaust memory


def check_size(height: int, width: int) -> None:
    """Refuse an image without pixels or with absurdly many.

    Raises:
        ImageError: If a side is below 1 or there are more than ``MAX_PIXELS`` pixels.
    """
    if height < 1 or width < 1:
        msg = (
            f'Image is {height} x {width} (height x width); both must be at least 1. '
            'Check that the camera driver delivers frames.'
        )
        raise ImageError(msg)
    if height * width > MAX_PIXELS:
        msg = (
            f'Image is {height} x {width} (height x width); at most {MAX_PIXELS} pixels are '
            'accepted. Check the publisher, or scale the image down before this node.'
        )
        raise ImageError(msg)


def byte_view(data: Any) -> npt.NDArray[np.uint8]:
    """Return any buffer of bytes as (n,) uint8, without a copy.

    Args:
        data: ``array.array``, bytes, bytearray, memoryview or numpy array, contiguous.

    Raises:
        ImageError: If ``data`` is not such a buffer.
    """
    try:
        return np.frombuffer(data, np.uint8) if len(data) else np.empty(0, np.uint8)
    except (TypeError, ValueError, BufferError) as err:
        msg = (
            f'Image data is a {type(data).__name__} that cannot be read as bytes ({err}); '
            'expected array.array, bytes, memoryview or a contiguous numpy array.'
        )
        raise ImageError(msg) from err
