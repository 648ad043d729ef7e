# SPDX-License-Identifier: Apache-2.0
"""Dense CRF: refine probabilities along the edges of an image."""

from .options import BilateralKernel, CrfOptions, GaussianKernel, preset, PRESETS
from .refine import is_available, refine

__all__ = [
    'PRESETS',
    'BilateralKernel',
    'CrfOptions',
    'GaussianKernel',
    'is_available',
    'preset',
    'refine',
]
