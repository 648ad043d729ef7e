# SPDX-License-Identifier: Apache-2.0
"""Mapillary Vistas, v1.2 (66 classes) and v2.0 (124 classes).

G. Neuhold et al., "The Mapillary Vistas Dataset for Semantic Understanding of Street Scenes",
ICCV 2017.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seg_node.datasets.coding import IdCode
from seg_node.datasets.color_list import VOID
from seg_node.datasets.matching import Files
from seg_node.datasets.pairs import Source
from seg_node.errors import DatasetError, one_of
from seg_node.taxonomy import IdMap, load_taxonomy

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.taxonomy import Taxonomy

__all__ = ['mapillary_sources']

SPLITS = {
    'train': ('training',),
    'val': ('validation',),
    'trainval': ('training', 'validation'),
}
# Folders of the labels below that of the split, the preferred first, and the classes in them.
LABELS = (
    ('v2.0/labels', 'mapillary124'),
    ('v1.2/labels', 'mapillary66'),
    ('labels', 'mapillary66'),
    ('v2.0/instances', 'mapillary124'),
    ('v1.2/instances', 'mapillary66'),
    ('instances', 'mapillary66'),
)
CONFIGS = {
    'mapillary124': ('config_v2.0.json',),
    'mapillary66': ('config_v1.2.json', 'config.json'),
}


def mapillary_sources(root: Path, split: str, taxonomy: str | None = None) -> tuple[Source, ...]:
    """Return where a split is: ``training/images/`` and ``training/v2.0/labels/``, and so on.

    Labels are 8 bit palette PNGs of ids; where only ``instances/`` is there, its 16 bit PNGs are
    read (id * 256 + number of the object). ``config_*.json`` says which class an id is; without
    it the published order is taken.

    Args:
        root: Folder that holds ``training/`` and ``validation/``.
        split: 'train', 'val' or 'trainval'; labels of 'testing' are not public.
        taxonomy: 'mapillary66' or 'mapillary124' to choose the version; else v2.0 where it is.

    Raises:
        DatasetError: If there is no such split, version or class.
    """
    if split not in SPLITS:
        msg = f'{one_of("split", split, SPLITS)} Mapillary Vistas has no other with labels.'
        raise DatasetError(msg)
    return tuple(_source(root, part, taxonomy) for part in SPLITS[split])


def _source(root: Path, part: str, taxonomy: str | None) -> Source:
    wanted = [
        (place, name) for place, name in LABELS if taxonomy not in CONFIGS or name == taxonomy
    ]
    place, name = next((one for one in wanted if (root / part / one[0]).is_dir()), (None, ''))
    if place is None:
        places = ', '.join(f'{part}/{one}' for one, _ in wanted)
        msg = f'{str(root)!r} holds no labels of Mapillary Vistas; expected one of {places}.'
        raise DatasetError(msg)
    ids = _ids(root, load_taxonomy(name))
    code = IdCode(ids, instances=place.endswith('instances'))
    return Source(Files(root / part / 'images'), Files(root / part / place), code)


def _ids(root: Path, taxonomy: Taxonomy) -> IdMap:
    """Return the class of each id, by the names in the configuration where there is one."""
    path = next((root / one for one in CONFIGS[taxonomy.name] if (root / one).is_file()), None)
    if path is None:
        return IdMap.identity(taxonomy, unlabelled=[len(taxonomy)])
    names = _read_names(path)
    void = [place for place, name in enumerate(names) if name.lower() in VOID]
    ids = {
        place: _known_name(name, place, taxonomy, len(names))
        for place, name in enumerate(names)
        if place not in void
    }
    return IdMap.from_names(str(path), taxonomy, ids, void)


def _known_name(name: str, place: int, taxonomy: Taxonomy, count: int) -> str:
    """Return a class by its name; by its place in a complete list if it is spelled otherwise."""
    if name not in taxonomy.names and count == len(taxonomy) + 1 and place < len(taxonomy):
        return taxonomy.names[place]
    return name


def _read_names(path: Path) -> list[str]:
    try:
        labels = json.loads(path.read_text(encoding='utf-8'))['labels']
        return [str(one['readable']) for one in labels]
    except (OSError, ValueError, KeyError, TypeError) as err:
        msg = (
            f'{str(path)!r} cannot be read ({err}); expected the file that comes with the data '
            f'set, with "labels", each with "readable".'
        )
        raise DatasetError(msg) from err
