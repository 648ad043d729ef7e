# SPDX-License-Identifier: Apache-2.0
"""Images that are in two splits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seg_node.datasets.check.findings import Fault
from seg_node.datasets.check.inspect import digest_of
from seg_node.datasets.matching import match_files
from seg_node.datasets.registry import find_sources, splits_of
from seg_node.errors import SegNodeError
from seg_node.progress import progress

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from seg_node.datasets.check.tally import Tally
    from seg_node.taxonomy import Taxonomy

__all__ = ['leaks']


def leaks(
    spec: str, split: str, wanted: Taxonomy | None, images: Container[Path], tally: Tally
) -> list[Fault]:
    """Return the images of this split whose bytes are in an image file of another split.

    Only files of a length that occurs in this split are read.

    Args:
        spec: The data set.
        split: The split that was checked.
        wanted: Its taxonomy.
        images: Its image files; a split may contain another one, which is no leak.
        tally: What was counted in it.
    """
    lengths = {_length(files[0]) for files in tally.files_by_digest.values()}
    faults: list[Fault] = []
    for other in splits_of(spec):
        paths = [path for path in _images_of(spec, other, wanted) if path not in images]
        if other == split or not paths:
            continue
        for path in progress(paths, what=f'comparing with {other}', unit='image'):
            if _length(path) in lengths and (digest := digest_of(path)) is not None:
                faults += [
                    Fault('leaks', file, f'in split {other!r} as {path}')
                    for file in tally.files_by_digest.get(digest, ())
                ]
    return faults


def _images_of(spec: str, split: str, wanted: Taxonomy | None) -> Iterator[Path]:
    """Yield the image files of a split; none if it is not there."""
    try:
        found = [
            (source, match_files(source.images, source.labels))
            for source in find_sources(spec, split, wanted) or ()
        ]
    except SegNodeError:
        return
    for source, files in found:
        yield from (pair.image for pair in files.pairs if source.takes(pair.name))
        yield from (path for name, path in files.images_alone.items() if source.takes(name))


def _length(path: str | Path) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return -1
