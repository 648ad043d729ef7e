# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a data set, in words, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ['PROBLEMS', 'Fault', 'Finding', 'collect']

# Kind: what it is, before a number of files, and what to do.
PROBLEMS = {
    'no_files': (
        'folders without the files that belong there',
        'Check the path and the layout; labels have to be PNG files.',
    ),
    'missing_labels': (
        'images without a label file',
        'Add label files of the same names (PNG), or take the images away.',
    ),
    'missing_images': (
        'label files without an image',
        'Add images of the same names, or take the label files away.',
    ),
    'same_name': (
        'files with the name of another one',
        'Keep one of each; a sample has one image and one label file.',
    ),
    'unreadable_image': ('images that cannot be read', 'Copy them again, or take them away.'),
    'unreadable_labels': ('label files that cannot be read', 'Copy them again.'),
    'size_mismatch': (
        'label files of another size than their images',
        'Resize the labels with nearest neighbour, or the images.',
    ),
    'color_labels': (
        'label files of colours where class ids are expected',
        (
            'Convert the colours to ids, or list them in label_colors.txt in the folder '
            '("128 64 128 road").'
        ),
    ),
    'id_labels': (
        'label files of numbers where colours are expected',
        'Take label_colors.txt away if the labels are ids, or save the labels as RGB.',
    ),
    'sixteen_bit': (
        'label files of 16 bit',
        (
            'Save class ids with 8 bit; files of instances (id * 256 + number) have to be divided '
            'by 256 first.'
        ),
    ),
    'strange_values': (
        'label files with values that stand for no class',
        (
            'Pass the taxonomy these labels were made for (--taxonomy), map the ids in ids.yaml, '
            'or set such pixels to 255.'
        ),
    ),
    'empty_labels': (
        'label files without a single labelled pixel',
        'Take these samples away; a loss over no pixels is not a number.',
    ),
    'duplicates': (
        'images that are copies of another one in this split',
        'Keep one of each; copies count twice in training and in scores.',
    ),
    'leaks': (
        'images that are in another split too',
        'Take them out of one of the two; scores on images that were trained on mean nothing.',
    ),
}
NOTES = {
    'palette': ('label files are palette PNGs', ''),
    'several_sizes': ('sizes of images', 'Training crops and the network fits them; no harm.'),
    'absent_classes': (
        'classes that never occur',
        'They cannot be learned from or scored on this split.',
    ),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, or worth knowing, about one file.

    Attributes:
        kind: Key of ``PROBLEMS`` or ``NOTES``.
        file: Its path, or what it is about.
        detail: What was found in it; may be empty.
    """

    kind: str
    file: str
    detail: str = ''

    def __str__(self) -> str:
        """Return file and detail."""
        return f'{self.file}: {self.detail}' if self.detail else self.file


@dataclass(frozen=True, slots=True)
class Finding:
    """All faults of one kind.

    Attributes:
        kind: Key of ``PROBLEMS`` or ``NOTES``.
        faults: At least one.
        extra: Further remedy for this very case.
    """

    kind: str
    faults: tuple[Fault, ...]
    extra: str = ''

    @property
    def is_problem(self) -> bool:
        """Whether it has to be mended; else it is only worth knowing."""
        return self.kind in PROBLEMS

    @property
    def what(self) -> str:
        """What it is, with the number of files."""
        words = (PROBLEMS | NOTES)[self.kind][0]
        return f'{words}: {len(self.faults)}'

    @property
    def remedy(self) -> str:
        """What to do."""
        return f'{(PROBLEMS | NOTES)[self.kind][1]} {self.extra}'.strip()


def collect(faults: Iterable[Fault], extras: dict[str, str]) -> tuple[Finding, ...]:
    """Return the faults by kind, problems first, in the order of the tables above."""
    found: dict[str, list[Fault]] = {}
    for fault in faults:
        found.setdefault(fault.kind, []).append(fault)
    kinds: Sequence[str] = [kind for kind in PROBLEMS | NOTES if kind in found]
    return tuple(Finding(kind, tuple(found[kind]), extras.get(kind, '')) for kind in kinds)
