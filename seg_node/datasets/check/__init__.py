# SPDX-License-Identifier: Apache-2.0
"""Everything that is wrong with a data set, found before it is trained on."""

from .findings import Finding
from .report import as_json, as_text
from .run import Check, check_dataset

__all__ = ['Check', 'Finding', 'as_json', 'as_text', 'check_dataset']
