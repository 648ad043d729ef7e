# SPDX-License-Identifier: Apache-2.0
"""Image files and label files that belong together by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast, TYPE_CHECKING

import cv2
import numpy as np

from seg_node.datasets.base import Sample
from seg_node.datasets.label_png import read_label_png
from seg_node.errors import DatasetError
from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.taxonomy import Taxonomy

__all__ = ['Pair', 'PairDataset', 'find_pairs', 'pair_dataset', 'read_image']

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp')


@dataclass(frozen=True, slots=True)
class Pair:
    """The files of one sample."""

    image: Path
    labels: Path


@dataclass(frozen=True, slots=True)
class PairDataset:
    """Samples read from pairs of files.

    Attributes:
        pairs: The files, in the order of the samples.
        taxonomy: The classes of the samples.
        table: (256,) uint8, class id in a file -> class id in the taxonomy or 255.
        known: (256,) bool, the ids that may occur in a file; any other is an error.
    """

    pairs: tuple[Pair, ...]
    taxonomy: Taxonomy
    table: npt.NDArray[np.uint8]
    known: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.pairs)

    def __getitem__(self, index: int) -> Sample:
        """Read one sample.

        Raises:
            DatasetError: If a file is damaged, the two sizes differ, or an id is not allowed.
        """
        pair = self.pairs[index]
        image = read_image(pair.image)
        stored = read_label_png(pair.labels)
        _check_size(pair, image.shape[:2], stored.shape)
        self._check_ids(pair, stored)
        return Sample(pair.image.stem, image, self.table[stored])

    def _check_ids(self, pair: Pair, stored: npt.NDArray[np.uint8]) -> None:
        if self.known[stored].all():
            return
        unknown = [int(value) for value in np.unique(stored) if not self.known[value]]
        known = _ranges(self.known)
        msg = (
            f'Label file {str(pair.labels)!r} holds the ids {unknown}; expected only {known} '
            f'(taxonomy {self.taxonomy.name!r}; {UNLABELLED} = unlabelled). '
            f'Pass the taxonomy these labels were made for, or set other pixels to 255.'
        )
        raise DatasetError(msg)


def pair_dataset(
    pairs: tuple[Pair, ...], taxonomy: Taxonomy, unlabelled: tuple[int, ...] = ()
) -> PairDataset:
    """Return the data set of files that hold the ids of a taxonomy.

    Args:
        pairs: The files.
        taxonomy: Its ids and 255 may occur in the label files.
        unlabelled: Further ids that may occur; they are read as 255.
    """
    table = np.arange(256, dtype=np.uint8)
    table[list(unlabelled)] = UNLABELLED
    known = np.zeros(256, dtype=np.bool_)
    known[[*range(len(taxonomy)), *unlabelled, UNLABELLED]] = True
    return PairDataset(pairs, taxonomy, table, known)


def find_pairs(images: Path, labels: Path) -> tuple[Pair, ...]:
    """Pair the images of one folder with the label PNGs of another by file stem.

    Raises:
        DatasetError: If a folder is missing or empty, two files share a stem, or a partner is
            missing on either side.
    """
    image_files = _by_stem(images, IMAGE_SUFFIXES, 'image')
    label_files = _by_stem(labels, ('.png',), 'label')
    _check_partners(image_files, labels, label_files, 'label')
    _check_partners(label_files, images, image_files, 'image')
    return tuple(Pair(path, label_files[stem]) for stem, path in image_files.items())


def read_image(path: Path) -> npt.NDArray[np.uint8]:
    """Read an image file.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        DatasetError: If the file cannot be read or decoded.
    """
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as err:
        msg = f'Image file {str(path)!r} cannot be read: {err.strerror}.'
        raise DatasetError(msg) from err
    try:
        pixels = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:  # absurd sizes
        pixels = None
    if pixels is None:
        msg = f'Image file {str(path)!r} is damaged or of no known format. Copy it again.'
        raise DatasetError(msg)
    return cast('npt.NDArray[np.uint8]', cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))


def _by_stem(folder: Path, suffixes: tuple[str, ...], what: str) -> dict[str, Path]:
    """Return the files of a folder with one of these endings, sorted by stem.

    Names that start with a dot are what systems and tools leave behind, such as ``._a.png``.
    """
    if not folder.is_dir():
        msg = f'There is no {what} folder {str(folder)!r}.'
        raise DatasetError(msg)
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in suffixes or path.name.startswith('.') or path.is_dir():
            continue
        if path.stem in found:
            msg = (
                f'Two {what} files share the name {path.stem!r}: {found[path.stem].name!r} and '
                f'{path.name!r} in {str(folder)!r}. Keep one of them.'
            )
            raise DatasetError(msg)
        found[path.stem] = path
    if not found:
        msg = f'The {what} folder {str(folder)!r} holds no {what} files ({", ".join(suffixes)}).'
        raise DatasetError(msg)
    return found


def _check_partners(
    files: Mapping[str, Path], partner_folder: Path, partners: Mapping[str, Path], what: str
) -> None:
    lonely = [path for stem, path in files.items() if stem not in partners]
    if lonely:
        msg = (
            f'{len(lonely)} of {len(files)} files have no {what} file of the same name in '
            f'{str(partner_folder)!r}; the first is {str(lonely[0])!r}. '
            f'Add the missing files or take the others away.'
        )
        raise DatasetError(msg)


def _check_size(pair: Pair, image: tuple[int, ...], labels: tuple[int, ...]) -> None:
    if image != labels:
        msg = (
            f'Image {str(pair.image)!r} is {image[0]} x {image[1]} (height x width) but its '
            f'labels {str(pair.labels)!r} are {labels[0]} x {labels[1]}; expected the same size. '
            f'Resize the labels with nearest neighbour, or the image.'
        )
        raise DatasetError(msg)


def _ranges(known: npt.NDArray[np.bool_]) -> str:
    """Return the numbers that are known in words, for example '0 to 10, 255'."""
    steps = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    parts = [
        f'{start} to {stop - 1}' if stop - start > 1 else f'{start}'
        for start, stop in steps.reshape(-1, 2)
    ]
    return ', '.join(parts)
