# SPDX-License-Identifier: Apache-2.0
"""Data sets by the word a user writes for them."""

from __future__ import annotations

from pathlib import Path
import re
from typing import TYPE_CHECKING

from seg_node.datasets.camvid import open_camvid
from seg_node.datasets.folder import folder_taxonomy, open_folder
from seg_node.datasets.regroup import regroup
from seg_node.errors import DatasetError, one_of
from seg_node.taxonomy import load_taxonomy

if TYPE_CHECKING:
    from collections.abc import Callable

    from seg_node.datasets.base import Dataset

__all__ = ['DATASET_FORMS', 'open_dataset']

DATASET_FORMS = (
    'default',
    'procedural[:COUNT[@SEED]]',
    'camvid:DIR',
    'folder:DIR',
    'DIR (with images/ and labels/)',
)
"""What ``open_dataset`` understands, for messages and help texts."""

DEFAULT_COUNT = 50
# Far apart, so that no split of one seed is another split of a neighbouring seed.
SPLIT_SEEDS = {'train': 0, 'val': 1_000_000, 'test': 2_000_000}


def open_dataset(spec: str, split: str = 'val', taxonomy: str | None = None) -> Dataset:
    """Open a split of a data set.

    Args:
        spec: ``'default'``, ``'procedural[:COUNT[@SEED]]'``, ``'camvid:DIR'``, ``'folder:DIR'``
            or just the path of a folder. ``'default'`` stands for ``'procedural'``, which is 50
            scenes of 360 x 480 of seed 0; its splits share no scene.
        split: ``'train'``, ``'val'``, ``'test'``, or a sub-folder of a plain folder's images.
        taxonomy: Name or file of the classes wanted; None for those of the data set. Labels of
            a finer taxonomy are grouped where the grouping is known.

    Raises:
        DatasetError: If the words are not understood, or the data are not there or broken.
        TaxonomyError: If the taxonomy is not known, or the labels cannot be grouped into it.
    """
    kind, _, rest = spec.partition(':')
    if kind in OPENERS and not (kind in NEED_FOLDER and not rest):
        return OPENERS[kind](rest, split, taxonomy)
    if Path(spec).expanduser().is_dir():
        return _folder(spec, split, taxonomy)
    msg = (
        f'Unknown data set {spec!r}, and there is no folder of that name; '
        f'expected one of {", ".join(DATASET_FORMS)}.'
    )
    raise DatasetError(msg)


def _camvid(rest: str, split: str, taxonomy: str | None) -> Dataset:
    return open_camvid(Path(rest).expanduser(), split, taxonomy or 'camvid11')


def _folder(rest: str, split: str, taxonomy: str | None) -> Dataset:
    root = Path(rest).expanduser()
    wanted = load_taxonomy(taxonomy) if taxonomy else None
    own = folder_taxonomy(root)
    dataset = open_folder(root, split, own or wanted)
    return regroup(dataset, wanted) if wanted else dataset


def _procedural(rest: str, split: str, taxonomy: str | None) -> Dataset:
    # the renderer is big, and who reads camera images has no use for it
    from seg_node.datasets.procedural import ProceduralScenes  # noqa: PLC0415

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
    seed = SPLIT_SEEDS[split] + int(match[3] or 0)
    scenes = ProceduralScenes(count, seed=seed)
    return regroup(scenes, load_taxonomy(taxonomy)) if taxonomy else scenes


OPENERS: dict[str, Callable[[str, str, str | None], Dataset]] = {
    'camvid': _camvid,
    'default': _procedural,
    'folder': _folder,
    'procedural': _procedural,
}
NEED_FOLDER = ('camvid', 'folder')
