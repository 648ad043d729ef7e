# SPDX-License-Identifier: Apache-2.0
"""``ids.yaml``: which class each id in a user's label files stands for.

Either ids and names alone, or with the taxonomy they belong to::

    7: road                  target: cityscapes19
    8: sidewalk              ids: {7: road, 8: sidewalk}
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TYPE_CHECKING

import yaml

from seg_node.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ['IDS_FILE', 'IdsFile', 'read_ids']

IDS_FILE = 'ids.yaml'
LONG_FORM = {'target', 'ids'}


@dataclass(frozen=True, slots=True)
class IdsFile:
    """The file's content.

    Attributes:
        ids: Class name of each id.
        target: Taxonomy of these names, if it is stated.
    """

    ids: Mapping[int, str]
    target: str | None = None


def read_ids(path: Path) -> IdsFile:
    """Read the file in either form.

    Raises:
        DatasetError: If it cannot be read or is malformed.
    """
    try:
        data: Any = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (
        yaml.YAMLError,
        OSError,
        ValueError,
    ) as err:  # ValueError: not UTF-8, a date of no year
        msg = f'{str(path)!r} cannot be read as YAML: {err}'
        raise DatasetError(msg) from err
    target = None
    if isinstance(data, dict) and set(data) == LONG_FORM:
        target, data = str(data['target']), data['ids']
    if not isinstance(data, dict) or not all(type(key) is int for key in data):
        msg = (
            f'{str(path)!r} is malformed; expected lines such as "7: road", the id in the label '
            f'files and the class it stands for, or "target: cityscapes19" and "ids:" with such '
            f'lines. Ids that are not named become unlabelled.'
        )
        raise DatasetError(msg)
    return IdsFile({key: str(name) for key, name in data.items()}, target)
