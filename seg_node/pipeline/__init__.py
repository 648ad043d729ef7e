# SPDX-License-Identifier: Apache-2.0
"""RGB image in, segmentation out."""

from .build import open_segmenter
from .crf_choice import CrfChoice, with_crf
from .mounting import Mounting, open_mounting
from .options import SegmenterOptions
from .segmentation import CrfDecision, Outputs, Segmentation
from .segmenter import Segmenter
from .smoothing import SmoothingOptions
from .together import infer_together

__all__ = [
    'CrfChoice',
    'CrfDecision',
    'Mounting',
    'Outputs',
    'Segmentation',
    'Segmenter',
    'SegmenterOptions',
    'SmoothingOptions',
    'infer_together',
    'open_mounting',
    'open_segmenter',
    'with_crf',
]
