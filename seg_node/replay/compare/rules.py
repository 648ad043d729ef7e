# SPDX-License-Identifier: Apache-2.0
"""Rules that a comparison must not meet: ``miou < -0.5``.

A rule is ``METRIC OPERATOR NUMBER``, with ``%`` behind the number for parts of A's value, or
``METRIC is VERDICT``. It is about B less A; with ``.low`` or ``.high`` behind the metric about
that end of the 95 % interval. ``iou.*`` is any class.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
import math
import operator
import re
from typing import get_args, TYPE_CHECKING

from seg_node.errors import one_of, ParameterError
from seg_node.replay.compare.comparison import LEAST_UNITS, Verdict
from seg_node.replay.compare.metrics import CLASS_PREFIX, metrics_of, needs_truth

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seg_node.replay.compare.comparison import Comparison, Difference

__all__ = ['Rule', 'parse_rule']

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    '<=': operator.le,
    '>=': operator.ge,
    '<': operator.lt,
    '>': operator.gt,
}
ENDS = ('low', 'high')
TOO_LITTLE: Verdict = 'too little data'
ANY_CLASS = f'{CLASS_PREFIX}*'
NUMBER = r'[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?'
ORDER = re.compile(
    rf'(?P<metric>[^<>=]+?)\s*(?P<operator><=|>=|<|>)\s*(?P<number>{NUMBER})\s*(?P<part>%?)'
)
WORDS = re.compile(r'(?P<metric>[^<>=]+?)\s+is\s+(?P<verdict>.+)')
HELP = (
    'Expected METRIC <, <=, > or >= NUMBER, as in "miou < -0.5" or "latency_p95 > 10 %", or '
    'METRIC is VERDICT, as in "iou.* is worse".'
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        text: As the user wrote it.
        metric: Name of a metric, or ``'iou.*'``.
        end: ``'low'`` or ``'high'`` for an end of the interval; empty for the difference.
        operator: Of an order; empty for a verdict.
        number: What the difference is compared with [unit of the metric, or % of A].
        relative: Whether the number is in percent of A.
        verdict: What the metric must not be; None for an order.
    """

    text: str
    metric: str
    end: str = ''
    operator: str = ''
    number: float = 0.0
    relative: bool = False
    verdict: str | None = None

    @property
    def needs_truth(self) -> bool:
        """Whether it can be judged only where there is truth."""
        return needs_truth(self.metric)

    def check(self, comparison: Comparison) -> tuple[Difference, ...]:
        """Return the differences that meet the rule.

        Raises:
            ParameterError: If the comparison has no such metric, or too little data for it: a
                rule that cannot be judged must not look kept.
        """
        chosen = self._chosen(comparison.differences)
        judged = [one for one in chosen if self._can_judge(one)]
        if not judged:
            raise ParameterError(self._why_not(chosen))
        return tuple(one for one in judged if self._holds(one))

    def not_judged(self, comparison: Comparison) -> tuple[Difference, ...]:
        """Return the differences that the rule is about and that it says nothing of."""
        chosen = self._chosen(comparison.differences)
        return tuple(one for one in chosen if not self._can_judge(one))

    def unsure(self, comparison: Comparison) -> tuple[Difference, ...]:
        """Return the differences that are judged by their value, with too little data for more."""
        if self.verdict is not None:
            return ()
        chosen = self._chosen(comparison.differences)
        return tuple(one for one in chosen if self._can_judge(one) and one.verdict == TOO_LITTLE)

    def _chosen(self, differences: Sequence[Difference]) -> list[Difference]:
        if self.metric == ANY_CLASS:
            chosen = [one for one in differences if one.metric.class_id is not None]
        else:
            chosen = [one for one in differences if one.metric.name == self.metric]
        if not chosen:
            known = [one.metric.name for one in differences]
            raise ParameterError(_unknown(self.text, self.metric, known))
        return chosen

    def _can_judge(self, one: Difference) -> bool:
        if self.verdict is not None:
            return self.verdict == TOO_LITTLE or one.verdict != TOO_LITTLE
        return not math.isnan(self._value(one))

    def _why_not(self, chosen: Sequence[Difference]) -> str:
        if self.relative and not any(one.a for one in chosen):
            why = (
                f"A's value of {self.metric!r} is 0, of which there are no parts. Leave out the %"
            )
        else:
            most = max(one.support for one in chosen)
            units = '1 unit of frames says' if most == 1 else f'{most} units of frames say'
            why = (
                f'at most {units} something about {self.metric!r}, and '
                f'{LEAST_UNITS} are needed. Compare on more or longer recordings'
            )
        return f'Rule {self.text!r} cannot be judged: {why}, or leave the rule out.'

    def _value(self, one: Difference) -> float:
        value = {'': one.change, 'low': one.low, 'high': one.high}[self.end]
        if not self.relative:
            return value
        return 100.0 * value / one.a if one.a else math.nan

    def _holds(self, one: Difference) -> bool:
        if self.verdict is not None:
            return one.verdict == self.verdict
        return OPERATORS[self.operator](self._value(one), self.number)


def parse_rule(text: str) -> Rule:
    """Return a rule from what a user wrote.

    Raises:
        ParameterError: If it is no rule, or there is no such metric; says what one looks like.

    Example:
        >>> parse_rule('iou.road.high < -1').end
        'high'
    """
    text = text.strip()
    if match := ORDER.fullmatch(text):
        metric, end = _split(match['metric'])
        number, relative = float(match['number']), bool(match['part'])
        rule = Rule(text, metric, end, match['operator'], number, relative)
    elif match := WORDS.fullmatch(text):
        if match['verdict'] not in get_args(Verdict):
            known = one_of('verdict', match['verdict'], get_args(Verdict))
            msg = f'Rule {text!r}: {known}'
            raise ParameterError(msg)
        rule = Rule(text, match['metric'], verdict=match['verdict'])
    else:
        msg = f'{text!r} is no rule. {HELP}'
        raise ParameterError(msg)
    if not _may_exist(rule.metric):
        names = [one.name for one in metrics_of(('CLASS',))]
        raise ParameterError(_unknown(text, rule.metric, names))
    return rule


def _may_exist(metric: str) -> bool:
    """Tell whether there is such a metric; which classes there are is known after a replay."""
    fixed = {one.name for one in metrics_of(())}
    return metric in fixed or (metric.startswith(CLASS_PREFIX) and metric != CLASS_PREFIX)


def _unknown(rule: str, metric: str, known: Sequence[str]) -> str:
    names = {one.casefold(): one for one in known}
    near = get_close_matches(metric.casefold(), names, n=1)
    hint = f' Did you mean {names[near[0]]!r}?' if near else ''
    return f'Rule {rule!r}: {one_of("metric", metric, known)}{hint}'


def _split(metric: str) -> tuple[str, str]:
    """Return the name of a metric and the end of its interval that is meant."""
    name, _, end = metric.rpartition('.')
    return (name, end) if name and end in ENDS else (metric, '')
