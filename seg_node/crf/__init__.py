# SPDX-License-Identifier: Apache-2.0
"""Dense CRF: refine probabilities along the edges of an image."""

from .compat import Compat, compat_matrix
from .margin import settled_labels
from .options import BilateralKernel, CrfOptions, GaussianKernel, Kernel, preset, PRESETS
from .plain import from_plain, to_plain
from .refine import is_available, refine, refine_labels, refine_scores
from .registry import AUTO, BACKENDS, choose, why_missing

__all__ = [
    'AUTO',
    'BACKENDS',
    'PRESETS',
    'BilateralKernel',
    'Compat',
    'CrfOptions',
    'GaussianKernel',
    'Kernel',
    'choose',
    'compat_matrix',
    'from_plain',
    'is_available',
    'preset',
    'refine',
    'refine_labels',
    'refine_scores',
    'settled_labels',
    'to_plain',
    'why_missing',
]
