# SPDX-License-Identifier: Apache-2.0
"""Counts over a whole split."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from seg_node.datasets.check.findings import Fault
from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    from seg_node.datasets.check.inspect import Inspected
    from seg_node.taxonomy import Taxonomy

__all__ = ['Tally']


class Tally:
    """Sums of what was found in the samples.

    Attributes:
        taxonomy: The classes.
        samples: Number of samples looked at.
        pixels: (K,) int64 pixels of each class.
        images: (K,) int64 images in which each class occurs.
        unlabelled: Pixels without a class.
        sizes: Number of images of each height and width.
        strange: Pixels of each value that stands for no class.
        files_by_digest: Image files by the checksum of their bytes.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        """Count nothing yet."""
        self.taxonomy = taxonomy
        self.samples = 0
        self.pixels = np.zeros(len(taxonomy), np.int64)
        self.images = np.zeros(len(taxonomy), np.int64)
        self.unlabelled = 0
        self.sizes: Counter[tuple[int, int]] = Counter()
        self.strange: Counter[str] = Counter()
        self.files_by_digest: dict[bytes, list[str]] = {}
        self._faults: list[Fault] = []

    def add(self, look: Inspected) -> None:
        """Add a sample."""
        self.samples += 1
        self._faults += look.faults
        self.strange.update(look.strange)
        if look.size is not None:
            self.sizes[look.size] += 1
        if look.digest is not None:
            self.files_by_digest.setdefault(look.digest, []).append(look.image)
        if look.counts is not None:
            of_classes = look.counts[: len(self.taxonomy)]
            self.unlabelled += int(look.counts[UNLABELLED])
            self.pixels += of_classes
            self.images += of_classes > 0

    def faults(self) -> list[Fault]:
        """Return what is wrong with the samples, and with the split as a whole."""
        copies = [
            Fault('duplicates', file, f'same as {files[0]}')
            for files in self.files_by_digest.values()
            for file in files[1:]
        ]
        several = self.sizes.most_common() if len(self.sizes) > 1 else []
        sizes = [
            Fault('several_sizes', f'{height} x {width}', f'{count} images')
            for (height, width), count in several
        ]
        absent = [
            Fault('absent_classes', name)
            for name, pixels in zip(self.taxonomy.names, self.pixels, strict=True)
            if self.samples and not pixels
        ]
        return [*self._faults, *copies, *sizes, *absent]

    @property
    def extras(self) -> dict[str, str]:
        """What may be behind a finding of a kind, where that can be guessed."""
        return {'strange_values': self._hint_at_ids(), 'absent_classes': self._hint_at_masks()}

    def _hint_at_masks(self) -> str:
        if not (self.pixels[0] and self.unlabelled) or self.pixels[1:].any():
            return ''
        return (
            'The labels hold nothing but the first class and unlabelled pixels. If 255 stands for '
            'a class, as in masks of 0 and 255, say so in ids.yaml, for example "255: floor".'
        )

    def _hint_at_ids(self) -> str:
        """Return what the strange values may come from; empty if that cannot be told."""
        if not self.strange:
            return ''
        total = ', '.join(f'{value}: {count} px' for value, count in self.strange.most_common(8))
        one_too_high = {str(len(self.taxonomy))} == set(self.strange) and not self.pixels[0]
        why = ' The ids seem to start at 1 instead of 0.' if one_too_high else ''
        return f'In all files together: {total}.{why}'
