# SPDX-License-Identifier: Apache-2.0
"""Data sets by the word a user writes for them."""

from __future__ import annotations

from pathlib import Path
import re
from typing import TYPE_CHECKING

from seg_node.datasets.bdd100k import drivable_sources, semantic_sources
from seg_node.datasets.camvid import camvid_sources
from seg_node.datasets.camvid32 import camvid32_sources
from seg_node.datasets.cityscapes import cityscapes_sources
from seg_node.datasets.folder import folder_sources, folder_splits, folder_taxonomy
from seg_node.datasets.kitti import kitti_sources, road_sources
from seg_node.datasets.mapillary import mapillary_sources
from seg_node.datasets.pairs import open_pairs
from seg_node.datasets.regroup import regroup
from seg_node.errors import DatasetError, one_of
from seg_node.taxonomy import load_taxonomy

if TYPE_CHECKING:
    from collections.abc import Callable

    from seg_node.datasets.base import Dataset
    from seg_node.datasets.pairs import Source
    from seg_node.taxonomy import Taxonomy

    Adapter = Callable[[Path, str, str | None], tuple[Source, ...]]

__all__ = [
    'DATASET_FORMS',
    'ON_DISK',
    'dataset_lines',
    'find_sources',
    'open_dataset',
    'splits_of',
]

DEFAULT_COUNT = 50
# Far apart, so that no split of one seed is another split of a neighbouring seed.
SPLIT_SEEDS = {'train': 0, 'val': 1_000_000, 'test': 2_000_000}
MADE_UP = ('default', 'procedural')
FOLDER = 'folder'
ON_DISK: dict[str, Adapter] = {
    'bdd100k': semantic_sources,
    'bdd100k_drivable': drivable_sources,
    'camvid': camvid_sources,
    'camvid32': camvid32_sources,
    'cityscapes': cityscapes_sources,
    'kitti': kitti_sources,
    'kitti_road': road_sources,
    'mapillary': mapillary_sources,
}
"""Published data sets: where their files are."""

DATASET_WORDS = {
    'default': 'the same as procedural',
    'procedural[:COUNT[@SEED]]': 'street scenes made on the spot, no download needed',
    'bdd100k:DIR': 'BDD100K, semantic segmentation',
    'bdd100k_drivable:DIR': 'BDD100K, drivable area',
    'camvid:DIR': 'CamVid, 11 classes (SegNet), or refined to 19',
    'camvid32:DIR': 'CamVid as published, 32 classes in colours',
    'cityscapes:DIR': 'Cityscapes, fine labels',
    'kitti:DIR': 'KITTI, semantic segmentation',
    'kitti_road:DIR': 'KITTI, road',
    'mapillary:DIR': 'Mapillary Vistas v1.2 and v2.0',
    'folder:DIR': 'your own: images/, labels/ (PNGs of class ids), taxonomy.yaml',
    'DIR (with images/ and labels/)': 'the same',
}
DATASET_FORMS = tuple(DATASET_WORDS)
"""What ``open_dataset`` understands, for messages and help texts."""


def dataset_lines() -> str:
    """Return a line for each form with what it is, for help texts."""
    width = max(len(form) for form in DATASET_WORDS)
    return '\n'.join(f'  {form:<{width}}  {words}' for form, words in DATASET_WORDS.items())


def open_dataset(spec: str, split: str = 'val', taxonomy: str | None = None) -> Dataset:
    """Open a split of a data set.

    Args:
        spec: One of ``DATASET_FORMS``. ``'default'`` stands for ``'procedural'``, which is 50
            scenes of 360 x 480 of seed 0; its splits share no scene.
        split: ``'train'``, ``'val'``, ``'test'``, what else the data set has, or a sub-folder of
            a plain folder's images.
        taxonomy: Name or file of the classes wanted; None for those of the data set. Labels of
            a finer taxonomy are grouped where the grouping is known.

    Raises:
        DatasetError: If the words are not understood, or the data are not there or broken.
        TaxonomyError: If the taxonomy is not known, or the labels cannot be grouped into it.
    """
    wanted = load_taxonomy(taxonomy) if taxonomy else None
    sources = find_sources(spec, split, wanted)
    dataset = _procedural(spec, split) if sources is None else open_pairs(sources)
    return regroup(dataset, wanted) if wanted else dataset


def find_sources(
    spec: str, split: str, wanted: Taxonomy | None = None
) -> tuple[Source, ...] | None:
    """Return where the files of a split are; None for scenes that are made on the spot.

    The labels may be of a finer taxonomy than is wanted.

    Raises:
        DatasetError: If the words are not understood, or there is no such split or layout.
    """
    kind, root = _parse(spec)
    if kind in MADE_UP:
        return None
    if kind == FOLDER:
        return folder_sources(root, split, folder_taxonomy(root) or wanted)
    return ON_DISK[kind](root, split, wanted.name if wanted else None)


def splits_of(spec: str) -> tuple[str, ...]:
    """Return the splits a data set may have that share no sample, for a search across them.

    Raises:
        DatasetError: If the words are not understood.
    """
    kind, root = _parse(spec)
    return folder_splits(root) if kind == FOLDER else tuple(SPLIT_SEEDS)


def _parse(spec: str) -> tuple[str, Path]:
    """Return kind and folder."""
    kind, _, rest = spec.partition(':')
    if kind in MADE_UP or (rest and kind in (*ON_DISK, FOLDER)):
        return kind, Path(rest).expanduser()
    if Path(spec).expanduser().is_dir():
        return FOLDER, Path(spec).expanduser()
    msg = (
        f'Unknown data set {spec!r}, and there is no folder of that name; '
        f'expected one of {", ".join(DATASET_FORMS)}.'
    )
    raise DatasetError(msg)


def _procedural(spec: str, split: str) -> Dataset:
    # the renderer is big, and who reads camera images has no use for it
    from seg_node.datasets.procedural import ProceduralScenes  # noqa: PLC0415

    rest = spec.partition(':')[2]
    match = re.fullmatch(r'((\d+)(?:@(\d+))?)?', rest)
    count = int(match[2] or DEFAULT_COUNT) if match else 0
    if match is None or not count:
        msg = (
            f'Procedural scenes {rest!r} are not understood; expected procedural[:COUNT[@SEED]], '
            f'for example procedural:50 or procedural:50@7.'
        )
        raise DatasetError(msg)
    if split not in SPLIT_SEEDS:
        msg = f'{one_of("split", split, SPLIT_SEEDS)} Procedural scenes have no other.'
        raise DatasetError(msg)
    return ProceduralScenes(count, seed=SPLIT_SEEDS[split] + int(match[3] or 0))
