# SPDX-License-Identifier: Apache-2.0
"""What a run of the demo is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TYPE_CHECKING

from seg_node.crf import is_available

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ['DemoOptions']

USUAL_RATE = 8.0


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """One run.

    Attributes:
        out: Folder for the results.
        input: Video file, folder of images or recording; None for the procedural drive.
        topic: Camera topic of a recording; None where it has one camera.
        frames: At most so many are played [count].
        rate: At which they are played [Hz]; None for that of the drive, or slower where the node
            would not keep up on this machine.
        bundle: Name or path of the model bundle.
        engine: Name of the engine, as the node's parameter.
        crf: Whether uncertain frames are refined by the dense CRF: ``'on'``, ``'off'``, or
            ``'auto'`` for where its native back end works.
        seed: Of the procedural drive.
        size: Height and width of the procedural drive [px].
    """

    out: Path
    input: Path | None = None
    topic: str | None = None
    frames: int = 80
    rate: float | None = None
    bundle: str = 'default'
    engine: str = 'auto'
    crf: Literal['auto', 'on', 'off'] = 'auto'
    seed: int = 0
    size: tuple[int, int] = (720, 1280)

    @property
    def refines(self) -> bool:
        """Whether the node is to refine uncertain frames."""
        return is_available('native') if self.crf == 'auto' else self.crf == 'on'

    @property
    def drive_rate(self) -> float:
        """Frames per second of the drive's own time [Hz]."""
        return USUAL_RATE if self.rate is None else self.rate
