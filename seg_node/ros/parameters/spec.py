# SPDX-License-Identifier: Apache-2.0
"""One parameter of the node: its type, its bounds, and what is said when a value breaks them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from seg_node.errors import one_of, ParameterError

__all__ = ['Change', 'Spec', 'Value']

Value = bool | int | float | str | tuple[str, ...]
Change = Literal['live', 'configure', 'start']


@dataclass(frozen=True, slots=True)
class Spec:
    """One parameter.

    Attributes:
        name: As in YAML and on the command line; a dot separates a group from its member.
        default: Its type is the parameter's type.
        words: What it does, for the descriptor and the documentation.
        unit: For example ``'s'``; empty for a pure number.
        bounds: Smallest and largest value, both allowed.
        choices: All allowed values of a text; empty if any text will do.
        change: ``'live'`` between two frames; ``'configure'`` while the node is unconfigured;
            ``'start'`` only on the command line or in a file.
    """

    name: str
    default: Value
    words: str
    unit: str = ''
    bounds: tuple[float, float] | None = None
    choices: tuple[str, ...] = ()
    change: Change = 'live'

    @property
    def field(self) -> str:
        """Name of the field in ``Parameters``."""
        return self.name.replace('.', '_')

    def convert(self, value: object) -> Value:
        """Return the value in this parameter's type.

        A whole number will do for a real one, and a single text for a list of one.

        Raises:
            ParameterError: If the type, the range or the choice is wrong.
        """
        wanted = type(self.default)
        if wanted is float and type(value) is int:
            value = float(value)
        if wanted is tuple and isinstance(value, (list, str)):
            value = (value,) if isinstance(value, str) else tuple(value)
        if type(value) is not wanted:
            msg = (
                f'Parameter {self.name!r} is {value!r}, a {_type_word(type(value))}; expected a '
                f'{_type_word(wanted)}, for example {self.default!r}.'
            )
            raise ParameterError(msg)
        self._check_members(value)
        self._check_choice(value)
        self._check_bounds(value)
        return value

    def _check_members(self, value: object) -> None:
        if isinstance(value, tuple) and not all(type(one) is str for one in value):
            msg = f'Parameter {self.name!r} is {list(value)!r}; expected a list of texts.'
            raise ParameterError(msg)

    def _check_choice(self, value: object) -> None:
        if self.choices and value not in self.choices:
            raise ParameterError(one_of(f'value of parameter {self.name!r}:', value, self.choices))

    def _check_bounds(self, value: object) -> None:
        if self.bounds is None or not isinstance(value, (int, float)):
            return
        low, high = self.bounds
        if not low <= value <= high:  # also refuses NaN
            msg = (
                f'Parameter {self.name!r} is {value!r}; expected {low:g} to {high:g}'
                f'{" " + self.unit if self.unit else ""}. {self.words}.'
            )
            raise ParameterError(msg)


def _type_word(kind: type) -> str:
    words = {
        bool: 'boolean',
        int: 'whole number',
        float: 'number',
        str: 'text',
        tuple: 'list of texts',
    }
    return words.get(kind, kind.__name__)
