# SPDX-License-Identifier: Apache-2.0
"""Findings for people and for programs."""

from __future__ import annotations

from dataclasses import asdict
import textwrap
from typing import Any, TYPE_CHECKING

from seg_node import __version__

from .finding import has_failed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .finding import Finding

__all__ = ['as_json', 'as_text']

FORMAT = '1.0'
LEVEL_WIDTH = 6
LINE_WIDTH = 110


def as_text(report: Mapping[str, Sequence[Finding]]) -> str:
    """Return a table for a terminal.

    Args:
        report: Findings by the name of their group.
    """
    findings = [one for group in report.values() for one in group]
    width = max((len(one.name) for one in findings), default=0) + 2
    lines: list[str] = []
    for title, group in report.items():
        lines += [title, *(line for one in group for line in _lines(one, width)), '']
    return '\n'.join([*lines, _verdict(findings)])


def _lines(finding: Finding, width: int) -> Iterator[str]:
    """Yield the lines of one finding; those after the first stand under it."""
    indent = ' ' * (2 + LEVEL_WIDTH + width)
    head = f'  {finding.level:<{LEVEL_WIDTH}}{finding.name:<{width}}'
    yield from textwrap.wrap(
        finding.found, LINE_WIDTH, initial_indent=head, subsequent_indent=indent, **_WHOLE_WORDS
    ) or [head.rstrip()]
    if finding.remedy:  # in one line, so that a command can be copied
        yield f'{indent}> {finding.remedy}'


_WHOLE_WORDS: dict[str, Any] = {'break_long_words': False, 'break_on_hyphens': False}


def _verdict(findings: Sequence[Finding]) -> str:
    fails = sum(one.level == 'fail' for one in findings)
    warnings = sum(one.level == 'warn' for one in findings)
    return f'{len(findings)} checks: {fails} failed, {warnings} warnings.'


def as_json(report: Mapping[str, Sequence[Finding]]) -> dict[str, Any]:
    """Return everything as plain data."""
    return {
        'format': FORMAT,
        'seg_node': __version__,
        'failed': any(has_failed(group) for group in report.values()),
        'groups': {title: [asdict(one) for one in group] for title, group in report.items()},
    }
