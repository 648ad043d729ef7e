# SPDX-License-Identifier: Apache-2.0
"""Data sets: images with their true classes, read one at a time."""

from .base import Dataset, Sample
from .camvid import open_camvid
from .folder import open_folder
from .registry import DATASET_FORMS, dataset_lines, open_dataset
from .regroup import regroup
from .subset import spread

__all__ = [
    'DATASET_FORMS',
    'Dataset',
    'Sample',
    'dataset_lines',
    'open_camvid',
    'open_dataset',
    'open_folder',
    'regroup',
    'spread',
]
