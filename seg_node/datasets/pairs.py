# SPDX-License-Identifier: Apache-2.0
"""Samples read from pairs of files: what all data sets on disk have in common."""

from __future__ import annotations

from dataclasses import dataclass
import logging
from typing import cast, TYPE_CHECKING

import cv2
import numpy as np

from seg_node.datasets.base import Sample
from seg_node.datasets.coding import check_decoded
from seg_node.datasets.matching import find_pairs
from seg_node.datasets.png_kind import is_palette_png
from seg_node.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.datasets.coding import LabelCode
    from seg_node.datasets.matching import Files, Pair
    from seg_node.taxonomy import Taxonomy

__all__ = ['PairDataset', 'Source', 'check_size', 'open_pairs', 'read_image']

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """Where the files of a split, or of a part of it, are and what they mean.

    Attributes:
        images: The images.
        labels: Their labels.
        code: How the label files are written.
        wanted: Whether a sample of this name belongs to the split; None for all.
    """

    images: Files
    labels: Files
    code: LabelCode
    wanted: Callable[[str], bool] | None = None

    def takes(self, name: str) -> bool:
        """Return whether a sample belongs to the split."""
        return self.wanted is None or self.wanted(name)


@dataclass(frozen=True, slots=True)
class PairDataset:
    """Samples read from pairs of files.

    Attributes:
        pairs: The files, in the order of the samples.
        code: How the label files are written.
    """

    pairs: tuple[Pair, ...]
    code: LabelCode

    @property
    def taxonomy(self) -> Taxonomy:
        """The classes of the samples."""
        return self.code.taxonomy

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
        decoded = self.code.decode(pair.labels)
        check_size(pair, image.shape[:2], decoded.labels.shape)
        return Sample(pair.name, image, check_decoded(decoded, pair.labels, self.code))


def open_pairs(sources: Sequence[Source]) -> PairDataset:
    """Return the samples of all sources, one source after the other.

    Raises:
        DatasetError: If a folder is missing or empty, files do not pair up, nothing in them
            belongs to the split, or the sources' labels are written in different ways.
    """
    code = _common_code(sources)
    pairs = tuple(
        pair
        for source in sources
        for pair in find_pairs(source.images, source.labels)
        if source.takes(pair.name)
    )
    if not pairs:
        folder = str(sources[0].images.folder)
        msg = f'None of the images in {folder!r} belongs to this split. Choose another split.'
        raise DatasetError(msg)
    if is_palette_png(pairs[0].labels):
        words = 'colours are looked up' if code.in_colors else 'indices are taken as class ids'
        logger.info('%s holds palette PNGs; their %s.', sources[0].labels.folder, words)
    return PairDataset(pairs, code)


def _common_code(sources: Sequence[Source]) -> LabelCode:
    """Return how all label files are written; read in another way they would be other classes."""
    first = sources[0]
    for other in sources[1:]:
        if other.code != first.code:
            msg = (
                f'Label files {first.labels.pattern}.png in {str(first.labels.folder)!r} and '
                f'{other.labels.pattern}.png in {str(other.labels.folder)!r} are written in '
                'different ways. Put labels of one version and kind into both.'
            )
            raise DatasetError(msg)
    return first.code


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


def check_size(pair: Pair, image: tuple[int, ...], labels: tuple[int, ...]) -> None:
    """Compare heights and widths.

    Raises:
        DatasetError: If they differ.
    """
    if image != labels:
        msg = (
            f'Image {str(pair.image)!r} is {image[0]} x {image[1]} (height x width) but its '
            f'labels {str(pair.labels)!r} are {labels[0]} x {labels[1]}; expected the same size. '
            f'Resize the labels with nearest neighbour, or the image.'
        )
        raise DatasetError(msg)
