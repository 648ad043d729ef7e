# SPDX-License-Identifier: Apache-2.0
"""Recipes from YAML: overrides from the command line, then a check of every key and type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import fields, is_dataclass, MISSING
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints, Literal

import yaml

from seg_node.errors import one_of, ParameterError
from seg_node.share import share_path
from seg_node.training.recipe import Recipe
from seg_node.training.recipe.loss import LossPart

CHOICES = 'choices'
SHIPPED = ('config', 'train')


def find_recipe(name: str) -> Path:
    """Return the file of a recipe: ``name`` itself, or a shipped recipe of that name.

    Raises:
        ParameterError: There is neither.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return path
    shipped = {one.stem: one for one in sorted(share_path(*SHIPPED).glob('*.yaml'))}
    if name in shipped:
        return shipped[name]
    msg = f'There is no recipe file {name!r}. Give one, or a shipped one: {", ".join(shipped)}.'
    raise ParameterError(msg)


def read_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe.

    A file may have ``choices``, names with a value each. ``{name}`` stands for the value anywhere
    in the file, so one override changes all places: the drive of a fold is in its name, in what is
    trained on and in what is measured on.

    Args:
        path: YAML file in the form of ``config/train``.
        overrides: ``key=value``; the key is dotted (``schedule.epochs``,
            ``data.train.0.dataset``), the value is YAML. The name of a choice or of one of the
            ``paths`` is a key too.

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
    _expect(isinstance(data, dict), 'recipe', 'a mapping', data)
    choices = _choices(data.pop(CHOICES, {}))
    for override in overrides:
        name, equals, text = override.partition('=')
        if name in choices and equals:
            choices[name] = text
        else:
            _apply(data, f'paths.{override}' if _is_path(data, name) else override)
    return recipe_from(_chosen(data, choices))


def read_loss(overrides: Sequence[str], defaults: Mapping[str, Any]) -> LossPart:
    """Return the part ``loss`` of a recipe that has nothing else.

    Args:
        overrides: ``loss.key=value``, as for ``read_recipe``.
        defaults: The part as plain data, which the overrides change.

    Raises:
        ParameterError: As ``read_recipe``.
    """
    data: dict[str, Any] = {'loss': deepcopy(dict(defaults))}
    for override in overrides:
        if not override.startswith('loss.'):
            msg = (
                f'Override {override!r} needs a recipe; with a data set only loss.KEY=VALUE fits.'
            )
            raise ParameterError(msg)
        _apply(data, override)
    loss: LossPart = _build(LossPart, data['loss'], 'loss')
    return loss


def recipe_from(data: Any) -> Recipe:
    """Build a recipe from plain data.

    Raises:
        ParameterError: A key is unknown or missing, or a value has the wrong type.
    """
    recipe: Recipe = _build(Recipe, data, 'recipe')
    return recipe


def _choices(value: Any) -> dict[str, str]:
    _expect(isinstance(value, Mapping), CHOICES, 'a mapping of names to values', value)
    taken = [name for name in value if name in {one.name for one in fields(Recipe)}]
    if taken:
        msg = f'The choice {taken[0]!r} has the name of a key of recipes. Give it another name.'
        raise ParameterError(msg)
    return {str(name): str(one) for name, one in value.items()}


def _is_path(data: dict[str, Any], name: str) -> bool:
    paths = data.get('paths')
    return isinstance(paths, Mapping) and name in paths


def _chosen(value: Any, choices: Mapping[str, str]) -> Any:
    """Return plain data with ``{name}`` replaced by choices; other braces stay."""
    if isinstance(value, Mapping):
        return {key: _chosen(one, choices) for key, one in value.items()}
    if isinstance(value, list):
        return [_chosen(one, choices) for one in value]
    if isinstance(value, str):
        for name, choice in choices.items():
            value = value.replace(f'{{{name}}}', choice)
    return value


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
