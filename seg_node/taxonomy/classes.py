# SPDX-License-Identifier: Apache-2.0
"""Which classes there are: names, colours, and where one may drive."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TYPE_CHECKING

import numpy as np
import yaml

from seg_node.errors import one_of, TaxonomyError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

__all__ = ['KINDS', 'UNLABELLED', 'SegClass', 'Taxonomy', 'load_taxonomy']

UNLABELLED = 255
"""Id of a pixel without a class, in labels from people and in masks that we publish."""

KINDS = ('thin', 'object', 'stuff')
"""What shape a class has: poles and signs; people and vehicles; surfaces such as road and sky.
Smoothing that suits one kind ruins another."""

DATA = Path(__file__).parent / 'data'
KNOWN = (
    'bdd_drivable',
    'camvid11',
    'camvid32',
    'cityscapes19',
    'drivable2',
    'mapillary124',
    'mapillary66',
)
FEWEST = 2


@dataclass(frozen=True, slots=True)
class SegClass:
    """One class of a taxonomy.

    Attributes:
        name: As the data set spells it, for example ``'traffic light'``.
        color: RGB for people, each 0 to 255.
        drivable: Whether a vehicle may drive on pixels of this class.
        kind: One of ``KINDS``.
        group: Name of the coarser class that this one belongs to, for example ``'vehicle'``; empty
            for none.

    Taxonomies that differ in kinds or groups alone are equal: both are hints for the dense CRF and
    for what is made of a mask, not a part of what a label means.
    """

    name: str
    color: tuple[int, int, int]
    drivable: bool = False
    kind: str = field(default='stuff', compare=False)
    group: str = field(default='', compare=False)


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """An ordered list of classes; the position of a class is its id.

    Attributes:
        name: Name of the list, for example ``'cityscapes19'``.
        classes: The classes in order of their ids, 2 to 255 of them.

    Raises:
        TaxonomyError: If there are fewer than 2 or more than 255 classes, a name occurs twice, a
            colour is out of range, or a kind is unknown.
    """

    name: str
    classes: tuple[SegClass, ...]

    def __post_init__(self) -> None:
        """Refuse a list that labels or colours could not represent."""
        if not FEWEST <= len(self.classes) <= UNLABELLED:
            msg = (
                f'Taxonomy {self.name!r} has {len(self.classes)} classes; a label map of bytes '
                f'holds {FEWEST} to {UNLABELLED} classes, {UNLABELLED} itself means unlabelled.'
            )
            raise TaxonomyError(msg)
        self._check_names()
        self._check_colors()
        for one in self.classes:
            if one.kind not in KINDS:
                raise TaxonomyError(one_of(f'kind of class {one.name!r}', one.kind, KINDS))

    def _check_names(self) -> None:
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice or not all(self.names):
            fault = f'repeats the names {twice!r}' if twice else 'has a class without a name'
            msg = f'Taxonomy {self.name!r} {fault}; expected a name of its own for each class.'
            raise TaxonomyError(msg)

    def _check_colors(self) -> None:
        for one in self.classes:
            if len(one.color) != 3 or not all(0 <= level <= 255 for level in one.color):  # noqa: PLR2004
                msg = (
                    f'Class {one.name!r} of taxonomy {self.name!r} has colour {one.color!r}; '
                    'expected three RGB levels from 0 to 255.'
                )
                raise TaxonomyError(msg)

    def __len__(self) -> int:
        """Return the number of classes."""
        return len(self.classes)

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order of the ids."""
        return tuple(one.name for one in self.classes)

    @property
    def colors(self) -> npt.NDArray[np.uint8]:
        """Colours in order of the ids: (K, 3) uint8 RGB."""
        return np.array([one.color for one in self.classes], np.uint8)

    @property
    def drivable(self) -> npt.NDArray[np.bool_]:
        """Whether each class is drivable: (K,) bool."""
        return np.array([one.drivable for one in self.classes], np.bool_)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds in order of the ids, each one of ``KINDS``."""
        return tuple(one.kind for one in self.classes)

    def index(self, name: str) -> int:
        """Return the id of a class.

        Args:
            name: As in ``names``.

        Raises:
            TaxonomyError: If there is no such class.
        """
        if name not in self.names:
            raise TaxonomyError(one_of(f'class of taxonomy {self.name!r}', name, self.names))
        return self.names.index(name)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON and YAML; the inverse of ``from_dict``."""
        return {'name': self.name, 'classes': [_plain(one) for one in self.classes]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Taxonomy:
        """Build a taxonomy from plain data.

        Args:
            data: ``name`` and ``classes``; each class has ``name``, ``color`` and perhaps
                ``drivable``, ``kind`` and ``group``.

        Raises:
            TaxonomyError: If a key is missing or unknown, or a value is not valid.
        """
        try:
            classes = tuple(_seg_class(**entry) for entry in data['classes'])
            return cls(str(data['name']), classes)
        except (KeyError, TypeError, ValueError) as err:
            msg = (
                f'Taxonomy {_name_of(data)!r} is malformed ({err}); expected a name and a list of '
                'classes, each with a name, a color [R, G, B], perhaps drivable: true, a kind and '
                'a group.'
            )
            raise TaxonomyError(msg) from err


def _plain(one: SegClass) -> dict[str, Any]:
    """Return a class as plain data; the common kind, and no group, go without saying."""
    plain = {'name': one.name, 'color': list(one.color), 'drivable': one.drivable}
    hints = {'kind': one.kind, 'group': one.group}
    return {**plain, **{key: word for key, word in hints.items() if word not in ('stuff', '')}}


def _seg_class(
    name: object,
    color: object,
    drivable: object = False,  # noqa: FBT002
    kind: object = 'stuff',
    group: object = '',
) -> SegClass:
    if not isinstance(drivable, bool):  # a word such as 'false' would count as true
        msg = f'drivable of class {name!r} is {drivable!r}; expected true or false'
        raise TypeError(msg)
    levels = color if isinstance(color, (list, tuple)) else ()
    if len(levels) != 3 or not all(type(level) is int for level in levels):  # noqa: PLR2004
        msg = f'color of class {name!r} is {color!r}; expected three whole numbers'
        raise TypeError(msg)
    red, green, blue = levels
    if not isinstance(group, str):
        msg = f'group of class {name!r} is {group!r}; expected a name'
        raise TypeError(msg)
    words = '' if name is None else str(name)
    return SegClass(words, (red, green, blue), drivable, str(kind), group)


def _name_of(data: object) -> object:
    return data.get('name', '?') if isinstance(data, dict) else data


def load_taxonomy(source: str | Path) -> Taxonomy:
    """Return a taxonomy by name, or from a YAML file.

    Args:
        source: A name, such as ``'cityscapes19'`` or ``'camvid11'``, or the path of a file of the
            same form as ours in ``taxonomy/data``.

    Raises:
        TaxonomyError: If the name is unknown, or the file is missing or malformed.

    Example:
        >>> load_taxonomy('cityscapes19').names[:3]
        ('road', 'sidewalk', 'building')
    """
    return _shipped(str(source)) if source in KNOWN else _read(Path(source).expanduser())


@cache
def _shipped(name: str) -> Taxonomy:
    return _read(DATA / f'{name}.yaml')


def _read(path: Path) -> Taxonomy:
    if not path.is_file():
        msg = f'{one_of("taxonomy", str(path), KNOWN)} Or give the path of a YAML file.'
        raise TaxonomyError(msg)
    try:
        data = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (
        yaml.YAMLError,
        OSError,
        ValueError,
    ) as err:  # ValueError: not UTF-8, a date of no year
        msg = f'Taxonomy file {str(path)!r} cannot be read as YAML: {err}'
        raise TaxonomyError(msg) from err
    if not isinstance(data, dict):
        msg = (
            f'Taxonomy file {str(path)!r} holds {type(data).__name__}; expected name and classes.'
        )
        raise TaxonomyError(msg)
    return Taxonomy.from_dict(data)
