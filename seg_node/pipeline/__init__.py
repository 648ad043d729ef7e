# SPDX-License-Identifier: Apache-2.0
"""RGB image in, segmentation out."""

from .build import open_segmenter
from .crf_choice import CrfChoice, with_crf
from .options import SegmenterOptions
from .segmentation import CrfDecision, Outputs, Segmentation
from .segmenter import Segmenter

__all__ = [
    'CrfChoice',
    'CrfDecision',
    'Outputs',
    'Segmentation',
    'Segmenter',
    'SegmenterOptions',
    'open_segmenter',
    'with_crf',
]
