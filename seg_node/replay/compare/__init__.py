# SPDX-License-Identifier: Apache-2.0
"""Two replays of the same frames: what differs, and how sure that is."""

from .comparison import compare, Comparison, Difference, Verdict
from .finished import same_classes
from .report import as_json, as_text
from .rules import parse_rule, Rule

__all__ = [
    'Comparison',
    'Difference',
    'Rule',
    'Verdict',
    'as_json',
    'as_text',
    'compare',
    'parse_rule',
    'same_classes',
]
