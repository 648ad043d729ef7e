# SPDX-License-Identifier: Apache-2.0
"""Recipes from YAML: overrides from the command line, then a check of every key and type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, MISSING
from typing import Any, get_args, get_origin, get_type_hints, Literal, TYPE_CHECKING

import yaml

from seg_node.errors import one_of, ParameterError
from seg_node.training.recipe import Recipe

if TYPE_CHECKING:
    from pathlib import Path


def read_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe.

    Args:
        path: YAML file in the form of ``config/train``.
        overrides: ``key=value``; the key is dotted (``schedule.epochs``,
            ``data.train.0.dataset``), the value is YAML.

    Raises:
        ParameterError: The file or an override cannot be read, a key is unknown or missing, or a
            value has the wrong type.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as err:
        msg = (
            f'Recipe {str(path)!r} cannot be read: {err}. Expected a YAML file as in config/train.'
        )
        raise ParameterError(msg) from err
    for override in overrides:
        _apply(data, override)
    return recipe_from(data)


def recipe_from(data: Any) -> Recipe:
    """Build a recipe from plain data.

    Raises:
        ParameterError: A key is unknown or missing, or a value has the wrong type.
    """
    recipe: Recipe = _build(Recipe, data, 'recipe')
    return recipe


def _apply(data: Any, override: str) -> None:
    key, equals, text = override.partition('=')
    *way, last = key.split('.')
    if not equals:
        msg = f'Override {override!r} has no value; expected key=value, e.g. schedule.epochs=10.'
        raise ParameterError(msg)
    place = data
    try:
        for step in way:
            place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
        place[int(last) if isinstance(place, list) else last] = yaml.safe_load(text)
    except (AttributeError, IndexError, TypeError, ValueError, yaml.YAMLError) as err:
        msg = f'Override {override!r} fits no place of the recipe ({err}); see config/train.'
        raise ParameterError(msg) from err


def _build(kind: Any, value: Any, place: str) -> Any:
    """Turn plain data into a value of the annotated type ``kind``."""
    if is_dataclass(kind):
        return _build_part(kind, value, place)
    origin, args = get_origin(kind), get_args(kind)
    if origin is Literal:
        if value not in args:
            raise ParameterError(one_of(place, value, map(str, args)))
        return value
    if origin is tuple:
        return _build_tuple(args, value, place)
    if origin is not None:  # Mapping[str, str]
        _expect(isinstance(value, Mapping), place, 'a mapping', value)
        return {str(key): _build(args[1], one, f'{place}.{key}') for key, one in value.items()}
    if kind is float:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        _expect(is_number, place, 'a number', value)
        return float(value)
    _expect(type(value) is kind, place, f'a value of type {kind.__name__}', value)
    return value


def _build_tuple(args: tuple[Any, ...], value: Any, place: str) -> tuple[Any, ...]:
    _expect(isinstance(value, (list, tuple)), place, 'a list', value)
    if args[-1] is Ellipsis:
        args = (args[0],) * len(value)
    _expect(len(value) == len(args), place, f'a list of {len(args)}', value)
    pairs = enumerate(zip(args, value, strict=True))
    return tuple(_build(kind, one, f'{place}.{number}') for number, (kind, one) in pairs)


def _build_part(kind: Any, value: Any, place: str) -> Any:
    _expect(isinstance(value, Mapping), place, 'a mapping', value)
    known = {one.name: one for one in fields(kind)}
    unknown = sorted(str(key) for key in set(value) - set(known))
    if unknown:
        raise ParameterError(one_of(f'key of {place}', unknown[0], known))
    needed = [
        name
        for name, one in known.items()
        if one.default is MISSING and one.default_factory is MISSING and name not in value
    ]
    if needed:
        msg = f'The {place} lacks {needed[0]!r}. Add it; config/train shows complete recipes.'
        raise ParameterError(msg)
    hints = get_type_hints(kind)
    return kind(**{key: _build(hints[key], one, f'{place}.{key}') for key, one in value.items()})


def _expect(fine: bool, place: str, what: str, value: Any) -> None:  # noqa: FBT001
    if not fine:
        msg = f'The value of {place} is {value!r}; expected {what}.'
        raise ParameterError(msg)
