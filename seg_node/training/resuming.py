# SPDX-License-Identifier: Apache-2.0
"""Going on with a run: only with the recipe that it was begun with; free of torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TYPE_CHECKING

import yaml

from seg_node.errors import ParameterError
from seg_node.training.recipe.file import read_recipe
from seg_node.training.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seg_node.training.recipe import Recipe

RECIPE_COPY = 'recipe.yaml'
# Says where and how fast, or what becomes of the weights, and not which weights come out.
FREE_TO_CHANGE = (
    'compute',
    'data.cache',
    'data.also',
    'licence',
    'name',
    'notes',
    'paths',
    'schedule.keep_best',
    'schedule.patience',
    'threads',
    'workers',
)


def keep_recipe(recipe: Recipe, folder: Path, *, begun: bool) -> None:
    """Write the recipe into the folder of its run.

    Args:
        recipe: What is to be trained.
        folder: Of the run; exists.
        begun: Whether the folder holds a checkpoint already.

    Raises:
        ParameterError: The run was begun with another recipe.
    """
    path = folder / RECIPE_COPY
    if begun and path.is_file():
        changed = list(differences(read_recipe(path).to_dict(), recipe.to_dict()))
        if changed:
            msg = (
                f'{str(folder)!r} holds a run of another recipe; it differs in '
                f'{", ".join(changed)}. Go on with the recipe it was begun with, or give the new '
                'run another folder with --run.'
            )
            raise ParameterError(msg)
    write_whole(path, yaml.safe_dump(recipe.to_dict(), sort_keys=False))


def differences(one: Any, other: Any, place: str = '') -> Iterator[str]:
    """Yield the dotted keys in which two recipes would train other weights."""
    if place in FREE_TO_CHANGE:
        return
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in {**one, **other}:
            inside = f'{place}.{key}' if place else str(key)
            yield from differences(one.get(key), other.get(key), inside)
    elif _is_list(one) and _is_list(other) and len(one) == len(other):
        for number, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from differences(left, right, f'{place}.{number}')
    elif one != other:
        yield place


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
