# SPDX-License-Identifier: Apache-2.0
"""Pixels without learning: camera messages, network fitting, score maps and colours."""

from .color import colorize, overlay
from .fitting import Fitter, InputSpec, place, Placement
from .maps import PixelMaps
from .message import CompressedMessage, decode_compressed, ImageMessage, MAX_PIXELS, rgb_pixels
from .points import confidence_at
from .postprocess import finish, probabilities

__all__ = [
    'MAX_PIXELS',
    'CompressedMessage',
    'Fitter',
    'ImageMessage',
    'InputSpec',
    'PixelMaps',
    'Placement',
    'colorize',
    'confidence_at',
    'decode_compressed',
    'finish',
    'overlay',
    'place',
    'probabilities',
    'rgb_pixels',
]
