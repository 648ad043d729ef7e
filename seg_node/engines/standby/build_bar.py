# SPDX-License-Identifier: Apache-2.0
"""The progress of a build that somebody waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seg_node.progress import Bar

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ['BuildBar']

STEPS = 1000


class BuildBar:
    """A bar on stderr; nothing is shown if the engine is there already."""

    def __init__(self, what: str) -> None:
        """Prepare.

        Args:
            what: Noun phrase in front of the bar.
        """
        self._what = what
        self._bar: Bar | None = None
        self._done = 0

    def __enter__(self) -> Self:
        """Return the bar itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()

    def show(self, share: float, phase: str) -> None:
        """Move to a share, 0 to 1, and say what goes on."""
        self._bar = self._bar or Bar(what=self._what, total=STEPS, unit='step')
        self._bar.note(phase)
        self._bar.move(int(share * STEPS) - self._done)
        self._done = int(share * STEPS)
