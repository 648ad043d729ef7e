# SPDX-License-Identifier: Apache-2.0
"""Writes a data set as a folder of images and a folder of labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from seg_node.errors import DatasetError
from seg_node.progress import progress

if TYPE_CHECKING:
    from seg_node.datasets.base import Dataset

SUFFIXES = ('.png', '.jpg')


def write_scenes(dataset: Dataset, folder: Path | str, *, suffix: str = '.png') -> None:
    """Write every sample as ``images/<name><suffix>`` and ``labels/<name>.png`` (class ids).

    Args:
        dataset: What to write.
        folder: Where to; made when missing.
        suffix: '.png' (exact) or '.jpg' (smaller) for the images.

    Raises:
        DatasetError: If the suffix is unknown or a file cannot be written.
    """
    if suffix not in SUFFIXES:
        msg = f"Unknown image suffix {suffix!r}; expected one of '.png', '.jpg'."
        raise DatasetError(msg)
    for kind in ('images', 'labels'):
        (Path(folder) / kind).mkdir(parents=True, exist_ok=True)
    for index in progress(range(len(dataset)), what='writing scenes', unit='frame'):
        sample = dataset[index]
        _write(Path(folder) / 'images' / f'{sample.name}{suffix}', sample.image[..., ::-1])
        _write(Path(folder) / 'labels' / f'{sample.name}.png', sample.labels)


def _write(path: Path, pixels: object) -> None:
    if not cv2.imwrite(str(path), pixels):  # type: ignore[call-overload]
        msg = f'Cannot write {str(path)!r}; check that the folder is writable and not full.'
        raise DatasetError(msg)
