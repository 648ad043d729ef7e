# SPDX-License-Identifier: Apache-2.0
"""The sheet of samples that ``seg check-dataset`` draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2

from seg_node.datasets import spread
from seg_node.drawing import Sheet, SheetRow
from seg_node.errors import DatasetError, ParameterError
from seg_node.imaging import colorize, overlay
from seg_node.taxonomy import Taxonomy

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.datasets import Sample
    from seg_node.datasets.check import Check

__all__ = ['draw_samples']

ROWS = 6
TILE_WIDTH = 400  # [px]
ALPHA = 0.6
COLUMNS = ('image', 'labels over image', 'labels')
FEWEST = 2  # classes that a taxonomy has


def draw_samples(check: Check, path: Path) -> None:
    """Draw samples from all over the split that have no problem.

    Args:
        check: The result.
        path: Where the PNG goes.

    Raises:
        DatasetError: If no sample is without problems.
        ParameterError: If the file cannot be written.
    """
    if not len(check.samples):
        msg = 'There is no sample without problems to draw. Mend the problems first.'
        raise DatasetError(msg)
    samples = spread(check.samples, ROWS)
    rows = [_row(samples[index], check.taxonomy) for index in range(len(samples))]
    sheet = Sheet(
        f'{len(samples)} of {check.tally.samples} samples',
        f'{check.dataset}, split {check.split}, classes that occur of {check.taxonomy.name}',
        COLUMNS,
        rows,
        _occurring(check),
        {'unlabelled (dark over the image)': (0, 0, 0)},
        'else',
        TILE_WIDTH,
    )
    if not cv2.imwrite(str(path), sheet.draw()[..., ::-1]):
        msg = f'{str(path)!r} cannot be written; expected a name that ends in .png.'
        raise ParameterError(msg)


def _row(sample: Sample, taxonomy: Taxonomy) -> SheetRow:
    height, width = sample.labels.shape
    caption = (_shortened(sample.name), f'{width} x {height}')
    pictures = (
        sample.image,
        overlay(sample.image, sample.labels, taxonomy, ALPHA),
        colorize(sample.labels, taxonomy),
    )
    return SheetRow(caption, pictures)


def _shortened(name: str, most: int = 24) -> str:
    """Return a name that does not push the pictures off the page; its end tells most."""
    return name if len(name) <= most else f'...{name[3 - most :]}'


def _occurring(check: Check) -> Taxonomy:
    """Return the classes that occur, so that a legend of 124 does not hide them."""
    pairs = zip(check.taxonomy.classes, check.tally.pixels, strict=True)
    classes = tuple(one for one, pixels in pairs if pixels)
    return Taxonomy(check.taxonomy.name, classes) if len(classes) >= FEWEST else check.taxonomy
