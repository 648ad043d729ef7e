# SPDX-License-Identifier: Apache-2.0
"""Image files and label files that belong together by name."""

from __future__ import annotations

from dataclasses import dataclass, field
import os
from pathlib import Path
import re
from typing import TYPE_CHECKING

from seg_node.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ['Files', 'Matching', 'Pair', 'find_pairs', 'match_files']

IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp')
LABEL_SUFFIXES = ('.png',)


@dataclass(frozen=True, slots=True)
class Files:
    """Where the images, or the labels, of a split are.

    Attributes:
        folder: The folder.
        pattern: Of the file names without ending; what its stars stand for is the name of the
            sample, joined by underscores. Files of other names are passed over.
        nested: Whether files in sub-folders, such as one per city, belong to it.
    """

    folder: Path
    pattern: str = '*'
    nested: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """The files of one sample, and its name."""

    name: str
    image: Path
    labels: Path


@dataclass(frozen=True, slots=True)
class Matching:
    """What was found in an image folder and a label folder.

    Attributes:
        pairs: Complete samples, in order of their names.
        images_alone: Images without labels, by the names of their samples.
        labels_alone: Labels without an image, likewise.
        twins: Files of one side that share a name; only the first of them is in a pair.
        images: Number of images.
        labels: Number of label files.
    """

    pairs: tuple[Pair, ...]
    images_alone: Mapping[str, Path]
    labels_alone: Mapping[str, Path]
    twins: tuple[tuple[Path, Path], ...]
    images: int
    labels: int


@dataclass(slots=True)
class _Found:
    """Files by the name of their sample."""

    files: dict[str, Path] = field(default_factory=dict)
    twins: list[tuple[Path, Path]] = field(default_factory=list)


def match_files(images: Files, labels: Files) -> Matching:
    """Pair images and label PNGs by name; what does not fit is listed, nothing is opened.

    Raises:
        DatasetError: If one of the folders does not exist.
    """
    left = _find(images, IMAGE_SUFFIXES, 'image')
    right = _find(labels, LABEL_SUFFIXES, 'label')
    return Matching(
        tuple(
            Pair(name, path, right.files[name])
            for name, path in left.files.items()
            if name in right.files
        ),
        _alone(left.files, right.files),
        _alone(right.files, left.files),
        (*left.twins, *right.twins),
        len(left.files),
        len(right.files),
    )


def find_pairs(images: Files, labels: Files) -> tuple[Pair, ...]:
    """Pair images and label PNGs by name.

    Raises:
        DatasetError: If a folder is missing or holds no such files, two files share a name, or a
            partner is missing on either side.
    """
    found = match_files(images, labels)
    for files, count, what in ((images, found.images, 'image'), (labels, found.labels, 'label')):
        if not count:
            raise DatasetError(_nothing(files, what))
    for first, second in found.twins:
        msg = (
            f'Two files share the name {first.stem!r}: {first.name!r} and {second.name!r} in '
            f'{str(second.parent)!r}. Keep one of them.'
        )
        raise DatasetError(msg)
    _check_partners(found.images_alone, found.images, labels.folder, 'label')
    _check_partners(found.labels_alone, found.labels, images.folder, 'image')
    return found.pairs


def _find(where: Files, suffixes: tuple[str, ...], what: str) -> _Found:
    """Return the files with one of these endings, sorted by the names of their samples.

    Names that start with a dot are what systems and tools leave behind, such as ``._a.png``.
    """
    if not where.folder.is_dir():
        msg = f'There is no {what} folder {str(where.folder)!r}.'
        raise DatasetError(msg)
    name_of = re.compile('(.+)'.join(re.escape(part) for part in where.pattern.split('*')))
    found = _Found()
    for folder, folders, names in os.walk(where.folder, followlinks=True):
        folders[:] = sorted(one for one in folders if where.nested and not one.startswith('.'))
        for file in sorted(names):
            stem, ending = os.path.splitext(file)  # noqa: PTH122 - a Path for each file is slow
            match = name_of.fullmatch(stem)
            if match is None or ending.lower() not in suffixes or file.startswith('.'):
                continue
            path, name = Path(folder, file), '_'.join(match.groups())
            if name in found.files:
                found.twins.append((found.files[name], path))
            else:
                found.files[name] = path
    found.files = dict(sorted(found.files.items()))
    return found


def _alone(files: Mapping[str, Path], partners: Mapping[str, Path]) -> dict[str, Path]:
    return {name: path for name, path in files.items() if name not in partners}


def _nothing(files: Files, what: str) -> str:
    suffixes = LABEL_SUFFIXES if what == 'label' else IMAGE_SUFFIXES
    endings = ', '.join(suffixes)
    named = '' if files.pattern == '*' else f' named {files.pattern}'
    return f'The {what} folder {str(files.folder)!r} holds no {what} files{named} ({endings}).'


def _check_partners(lonely: Mapping[str, Path], total: int, folder: Path, what: str) -> None:
    if lonely:
        msg = (
            f'{len(lonely)} of {total} files have no {what} file of the same name in '
            f'{str(folder)!r}; the first is {str(next(iter(lonely.values())))!r}. '
            f'Add the missing files or take the others away.'
        )
        raise DatasetError(msg)
