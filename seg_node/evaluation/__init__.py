# SPDX-License-Identifier: Apache-2.0
"""Offline: a bundle against labelled images, and recorded drives.

Frames become additive sums, sums become figures, and figures are shown as text, JSON and a page.
``bag`` is imported by its full name; it needs rosbags, the rest of the room does not.
"""

from .evaluate import evaluate, Evaluation
from .opening import open_for_evaluation
from .pictures import draw_frames
from .pool import pooled_json, read_part
from .report import as_json, json_text
from .text import as_text
from .views import ONE_LOOK, Views

__all__ = [
    'ONE_LOOK',
    'Evaluation',
    'Views',
    'as_json',
    'as_text',
    'draw_frames',
    'evaluate',
    'json_text',
    'open_for_evaluation',
    'pooled_json',
    'read_part',
]
