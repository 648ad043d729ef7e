# SPDX-License-Identifier: Apache-2.0
"""Pixels without learning: camera messages, network fitting, score maps and colours."""

from .color import colorize, overlay
from .drivable import drivable_area, drivable_table, DrivableRule
from .fitting import Fitter, InputSpec, place, Placement
from .maps import PixelMaps
from .message import CompressedMessage, decode_compressed, ImageMessage, MAX_PIXELS, rgb_pixels
from .points import confidence_at
from .postprocess import finish, probabilities

__all__ = [
    'MAX_PIXELS',
    'CompressedMessage',
    'DrivableRule',
    'Fitter',
    'ImageMessage',
    'InputSpec',
    'PixelMaps',
    'Placement',
    'colorize',
    'confidence_at',
    'decode_compressed',
    'drivable_area',
    'drivable_table',
    'finish',
    'overlay',
    'place',
    'probabilities',
    'rgb_pixels',
]
