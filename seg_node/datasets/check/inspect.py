# SPDX-License-Identifier: Apache-2.0
"""One sample looked at; whatever is wrong with it is noted, nothing is raised."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from seg_node.datasets.check.findings import Fault
from seg_node.datasets.pairs import read_image
from seg_node.datasets.png_kind import png_kind
from seg_node.errors import DatasetError
from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.datasets.base import Sample
    from seg_node.datasets.coding import Decoded, LabelCode
    from seg_node.datasets.matching import Pair
    from seg_node.datasets.png_kind import PngKind

__all__ = ['Inspected', 'digest_of', 'inspect_pair', 'inspect_sample']

BITS_OF_A_BYTE = 8
IDS_IN_A_BYTE = 256


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a sample holds.

    Attributes:
        image: Its file, or its name if there is none.
        size: Height and width [px]; None if the image cannot be read.
        counts: (256,) int64 pixels of each class id of the taxonomy that is counted, 255 for
            unlabelled; None without labels.
        strange: Pixels of each value that stands for no class.
        faults: What is wrong.
        digest: Of the bytes of the image file; None if it cannot be read.
    """

    image: str
    size: tuple[int, int] | None
    counts: npt.NDArray[np.int64] | None
    strange: Mapping[str, int]
    faults: tuple[Fault, ...]
    digest: bytes | None


def inspect_pair(pair: Pair, code: LabelCode, table: npt.NDArray[np.uint8]) -> Inspected:
    """Look at the two files of a sample.

    Args:
        pair: The files.
        code: How the labels are written.
        table: (256,) uint8, from the ids of the code's taxonomy to those that are counted.
    """
    faults: list[Fault] = []
    size = _image_size(pair.image, faults)
    decoded = _labels(pair.labels, code, faults)
    digest = None if size is None else digest_of(pair.image)
    if decoded is None:
        return Inspected(str(pair.image), size, None, {}, tuple(faults), digest)
    shape = decoded.labels.shape
    if size is not None and size != shape:
        detail = f'labels {shape[0]} x {shape[1]}, image {size[0]} x {size[1]} (height x width)'
        faults.append(Fault('size_mismatch', str(pair.labels), detail))
    if decoded.strange:
        faults.append(Fault('strange_values', str(pair.labels), _in_words(decoded.strange)))
    counts = _counts(table[decoded.labels])
    if counts[UNLABELLED] == decoded.labels.size and not decoded.strange:
        faults.append(Fault('empty_labels', str(pair.labels)))
    return Inspected(str(pair.image), size, counts, decoded.strange, tuple(faults), digest)


def inspect_sample(sample: Sample) -> Inspected:
    """Look at a sample that is in no file."""
    height, width = sample.labels.shape
    digest = blake2b(sample.image.tobytes()).digest()
    return Inspected(sample.name, (height, width), _counts(sample.labels), {}, (), digest)


def digest_of(path: Path) -> bytes | None:
    """Return a checksum of a file; None if it cannot be read."""
    try:
        return blake2b(path.read_bytes()).digest()
    except OSError:
        return None


def _image_size(path: Path, faults: list[Fault]) -> tuple[int, int] | None:
    try:
        height, width = read_image(path).shape[:2]
    except (DatasetError, MemoryError) as err:
        faults.append(Fault('unreadable_image', str(path), _reason(err)))
        return None
    return height, width


def _labels(path: Path, code: LabelCode, faults: list[Fault]) -> Decoded | None:
    try:
        kind = png_kind(path)
        if kind.is_palette:
            faults.append(Fault('palette', str(path)))
        if code.takes(kind):
            return code.decode(path)
    except (DatasetError, MemoryError) as err:
        faults.append(Fault('unreadable_labels', str(path), _reason(err)))
        return None
    faults.append(Fault(_wrong(kind, code), str(path), str(kind)))
    return None


def _wrong(kind: PngKind, code: LabelCode) -> str:
    """Return which fault it is that a file is of another kind than expected."""
    if kind.depth > BITS_OF_A_BYTE:
        return 'sixteen_bit'
    return 'id_labels' if code.in_colors else 'color_labels'


def _counts(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    return np.bincount(labels.ravel(), minlength=IDS_IN_A_BYTE)


def _reason(err: Exception) -> str:
    """Return why, without the path that is said anyway."""
    return str(err).partition("' ")[2] or 'not enough memory'


def _in_words(strange: Mapping[str, int]) -> str:
    every = [f'{value} ({count} px)' for value, count in strange.items()]
    more = f' and {len(every) - 8} more' if len(every) > 8 else ''  # noqa: PLR2004 - enough
    return ', '.join(every[:8]) + more
