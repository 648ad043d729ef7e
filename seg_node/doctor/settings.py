# SPDX-License-Identifier: Apache-2.0
"""Thread counts that the node will run with, from its table and a parameter file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TYPE_CHECKING

import yaml

from seg_node.errors import ParameterError
from seg_node.ros.parameters.table import PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ['Settings', 'read_settings']

THREADS = ('threads', 'opencv_threads', 'crf.threads')
SECTION = 'ros__parameters'


@dataclass(frozen=True, slots=True)
class Settings:
    """Threads by parameter.

    Attributes:
        threads: Name of the parameter and its value.
        crf: Whether the dense CRF is on.
    """

    threads: Mapping[str, int]
    crf: bool


def read_settings(path: Path | None) -> Settings:
    """Return what a parameter file says, over the defaults.

    Args:
        path: A file as for ``--params-file``; the settings of all its nodes are taken together.

    Raises:
        ParameterError: If it cannot be read.
    """
    values: dict[str, Any] = {spec.name: spec.default for spec in PARAMETERS}
    if path is not None:
        values.update(_from_file(path))
    try:
        threads = {name: int(values[name]) for name in THREADS}
    except (TypeError, ValueError) as err:
        msg = f'{str(path)!r} has a thread count that is no whole number: {err}.'
        raise ParameterError(msg) from err
    return Settings(threads, crf=values.get('crf.enabled') is True)


def _from_file(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (OSError, ValueError, yaml.YAMLError) as err:
        msg = f'{str(path)!r} cannot be read as a parameter file: {err} Give another file.'
        raise ParameterError(msg) from err
    sections = list(_sections(data))
    if not sections:
        msg = f'{str(path)!r} has no {SECTION!r}; expected a parameter file of a ROS 2 node.'
        raise ParameterError(msg)
    return {name: value for one in sections for name, value in _flat(one)}


def _sections(data: object) -> Iterator[Mapping[str, Any]]:
    """Yield the parameters of each node, however deep its namespace is."""
    if isinstance(data, dict):
        for key, value in data.items():
            if key == SECTION and isinstance(value, dict):
                yield value
            else:
                yield from _sections(value)


def _flat(values: Mapping[str, Any], prefix: str = '') -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f'{prefix}{key}.')
        else:
            yield f'{prefix}{key}', value
