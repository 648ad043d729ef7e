# SPDX-License-Identifier: Apache-2.0
"""Data sets: images with their true classes, read one at a time."""

from .base import Dataset, Sample
from .camvid import open_camvid

__all__ = ['Dataset', 'Sample', 'open_camvid']
