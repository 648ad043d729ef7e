# SPDX-License-Identifier: Apache-2.0
"""A dense CRF that suits a model: fitted and measured on frames that the model never saw.

``tune`` and ``search`` need optuna (extra ``tune``); they are imported by their full names.
"""

from .bars import BARS, faults
from .checks import check_drives, check_target, check_work
from .frames import Drive, keep_frames
from .preset import write_preset
from .report import as_json
from .text import as_text

__all__ = [
    'BARS',
    'Drive',
    'as_json',
    'as_text',
    'check_drives',
    'check_target',
    'check_work',
    'faults',
    'keep_frames',
    'write_preset',
]
