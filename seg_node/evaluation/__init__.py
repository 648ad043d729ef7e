# SPDX-License-Identifier: Apache-2.0
"""Offline: a bundle against labelled images.

Frames become additive sums, sums become figures, and figures are shown as text, JSON and a page.
"""

from .corruption_sheet import corruption_sheet
from .corruptions import corrupt, CORRUPTIONS
from .evaluate import evaluate, Evaluation
from .opening import open_for_evaluation
from .page import write_page, write_robustness_page
from .pictures import draw_frames, worst_rows, write_png
from .pool import pooled_json, read_part
from .report import as_json, json_text
from .robustness import measure_robustness, robustness_text
from .text import as_text
from .views import ONE_LOOK, Views

__all__ = [
    'CORRUPTIONS',
    'ONE_LOOK',
    'Evaluation',
    'Views',
    'as_json',
    'as_text',
    'corrupt',
    'corruption_sheet',
    'draw_frames',
    'evaluate',
    'json_text',
    'measure_robustness',
    'open_for_evaluation',
    'pooled_json',
    'read_part',
    'robustness_text',
    'worst_rows',
    'write_page',
    'write_png',
    'write_robustness_page',
]
