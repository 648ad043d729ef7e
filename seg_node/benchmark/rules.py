# SPDX-License-Identifier: Apache-2.0
"""Rules that a comparison must not meet: ``*.cpu > 10 %`` or ``node.* is slower``."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
import math
import operator
import re
from typing import get_args, TYPE_CHECKING

from seg_node.errors import one_of, ParameterError

from .compare import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .compare import Change

__all__ = ['Rule', 'parse_rule']

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    '<=': operator.le,
    '>=': operator.ge,
    '<': operator.lt,
    '>': operator.gt,
}
ORDER = re.compile(
    r'(?P<pattern>[^<>=\s]+)\s*(?P<operator><=|>=|<|>)\s*(?P<number>[+-]?\d+(?:\.\d*)?)\s*%'
)
WORDS = re.compile(r'(?P<pattern>\S+)\s+is\s+(?P<verdict>.+)')
HELP = 'Expected FIGURE > NUMBER %, as in "*.cpu > 10 %", or FIGURE is slower.'
KINDS = {'faster': True, 'slower': True, 'higher': False, 'lower': False}
"""Whether a verdict is one about times."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        text: As the user wrote it.
        pattern: Of names of changes, with ``*`` for anything.
        operator: Of an order; empty for a verdict.
        number: What the change is compared with [%].
        verdict: What it must not be; empty for an order.
    """

    text: str
    pattern: str
    operator: str = ''
    number: float = 0.0
    verdict: str = ''

    def check(self, changes: Sequence[Change]) -> tuple[Change, ...]:
        """Return the changes that meet the rule.

        Raises:
            ParameterError: If there is none to judge: such a rule must not look kept.
        """
        chosen = [one for one in changes if fnmatchcase(one.name, self.pattern)]
        judged = [one for one in chosen if self._can_judge(one)]
        if not judged:
            why = 'is not among the figures'
            if chosen:
                why = 'has too few runs, or is a figure of which nobody says that'
            names = ', '.join(one.name for one in changes)
            msg = f'Rule {self.text!r} cannot be judged: {self.pattern!r} {why}. Known: {names}.'
            raise ParameterError(msg)
        return tuple(one for one in judged if self._holds(one))

    def _can_judge(self, one: Change) -> bool:
        if not self.verdict:
            return not math.isnan(one.share)
        fits = self.verdict not in KINDS or one.is_time == KINDS[self.verdict]
        return fits and one.verdict != 'not judged'

    def _holds(self, one: Change) -> bool:
        if self.verdict:
            return one.verdict == self.verdict
        return OPERATORS[self.operator](100.0 * one.share, self.number)


def parse_rule(text: str) -> Rule:
    """Return a rule from what a user wrote.

    Raises:
        ParameterError: If it is no rule; says what one looks like.

    Example:
        >>> parse_rule('node.*.cpu > 10 %').number
        10.0
    """
    text = text.strip()
    if match := ORDER.fullmatch(text):
        return Rule(text, match['pattern'], match['operator'], float(match['number']))
    if match := WORDS.fullmatch(text):
        if match['verdict'] not in get_args(Verdict):
            known = one_of('verdict', match['verdict'], get_args(Verdict))
            msg = f'Rule {text!r}: {known}'
            raise ParameterError(msg)
        return Rule(text, match['pattern'], verdict=match['verdict'])
    msg = f'{text!r} is no rule. {HELP}'
    raise ParameterError(msg)
