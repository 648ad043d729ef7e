# SPDX-License-Identifier: Apache-2.0
"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ['Finding', 'Level', 'has_failed']

Level = Literal['ok', 'note', 'warn', 'fail']


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, and what to do about it.

    Attributes:
        level: ``ok``; ``note``, nothing wrong but something is absent or was not looked at;
            ``warn``, works worse than it could; ``fail``, will not work.
        name: What was looked at, in a few words.
        found: What was found.
        remedy: What to do; empty if there is nothing to do.
    """

    level: Level
    name: str
    found: str
    remedy: str = ''


def has_failed(findings: Iterable[Finding]) -> bool:
    """Tell whether something will not work."""
    return any(one.level == 'fail' for one in findings)
