# SPDX-License-Identifier: Apache-2.0
"""How things stand with the engine on the GPU: what status and diagnostics say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TYPE_CHECKING

if TYPE_CHECKING:
    from seg_node.engines.standby.backend import GpuPlan

__all__ = ['Patience', 'Phase', 'Standing']

Phase = Literal['waiting', 'building', 'opening', 'checking', 'in use', 'pausing', 'off']
"""For the first image; an engine is built; loaded; compared with the CPU's; frames go to it; a
pause after a failure; nothing more will be tried."""

LONGEST_PAUSE_S = 600.0
MOST_DOUBLINGS = 30  # far beyond the longest pause, and a float can hold it


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait.

    Attributes:
        build: A builder without progress for so long is ended [s].
        pause: Before the next attempt after a failure [s]; it doubles with each further one.
        frame: A GPU that has not answered a frame for so long hangs [s].
    """

    build: float = 600.0
    pause: float = 5.0
    frame: float = 2.0

    def pause_after(self, failures: int) -> float:
        """Return the pause after so many failures in a row, one or more [s]."""
        doubled = self.pause * 2.0 ** min(failures - 1, MOST_DOUBLINGS)
        return float(min(doubled, LONGEST_PAUSE_S))


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known at one moment.

    Attributes:
        phase: What goes on.
        share: Of the build that is done, 0 to 1.
        plan: What is built, opened or in use; None before the first image.
        fault: Why frames do not go to the GPU, if something failed; else empty.
        pause: Length of the present pause [s].
        concessions: What was given up to have an engine at all, and why.
    """

    phase: Phase = 'waiting'
    share: float = 0.0
    plan: GpuPlan | None = None
    fault: str = ''
    pause: float = 0.0
    concessions: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """The phase in a few words."""
        words: dict[Phase, str] = {
            'waiting': 'waiting for the first image',
            'building': f'building engine {100.0 * self.share:.0f} %',
            'opening': 'opening engine',
            'checking': 'checking engine',
            'pausing': f'pausing for {self.pause:g} s',
        }
        return words.get(self.phase, self.phase)

    @property
    def explained(self) -> str:
        """What was given up, and what keeps frames from the GPU; empty if all is well."""
        again = ' It is tried again.' if self.fault and self.phase != 'off' else ''
        return ' '.join([*self.concessions, f'{self.fault}{again}']).strip()
