# SPDX-License-Identifier: Apache-2.0
"""Pixels without learning: camera messages, network fitting, score maps and colours."""

from .fitting import Fitter, InputSpec, place, Placement
from .message import CompressedMessage, decode_compressed, ImageMessage, MAX_PIXELS, rgb_pixels

__all__ = [
    'MAX_PIXELS',
    'CompressedMessage',
    'Fitter',
    'ImageMessage',
    'InputSpec',
    'Placement',
    'decode_compressed',
    'place',
    'rgb_pixels',
]
