# SPDX-License-Identifier: Apache-2.0
"""Offline: a bundle against labelled images, and recorded drives.

``bag`` is imported by its full name; it needs rosbags, the rest of the room does not.
"""

from .evaluate import evaluate, Evaluation
from .pictures import draw_frames
from .report import as_json, as_text

__all__ = ['Evaluation', 'as_json', 'as_text', 'draw_frames', 'evaluate']
