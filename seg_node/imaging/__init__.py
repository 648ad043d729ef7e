# SPDX-License-Identifier: Apache-2.0
"""Pixels without learning: camera messages, network fitting, score maps and colours."""

from .fitting import Fitter, InputSpec, place, Placement

__all__ = [
    'Fitter',
    'InputSpec',
    'Placement',
    'place',
]
