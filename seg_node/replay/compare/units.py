# SPDX-License-Identifier: Apache-2.0
"""What is drawn at random: whole recordings, or stretches of them where recordings are few.

Frames that follow each other look alike, so single frames are no independent draws: an interval
from them would be several times too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ['BAGS_ENOUGH', 'BLOCK_S', 'Units', 'units_of']

BLOCK_S = 5.0
"""Shortest stretch of a recording that is drawn as one [s]."""
BAGS_ENOUGH = 10
"""From so many recordings on, whole recordings are drawn."""

NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Units:
    """Which frames are drawn together.

    Attributes:
        kind: What a unit is.
        of_frame: (N,) int64, number of the unit of each frame, from 0 on without a gap.
        count: Number of units.
    """

    kind: Literal['recording', 'block']
    of_frame: npt.NDArray[np.int64]
    count: int


def units_of(
    bags: Sequence[str],
    log_ns: Sequence[int],
    *,
    block: float = BLOCK_S,
    enough: int = BAGS_ENOUGH,
) -> Units:
    """Return the units of frames.

    A block is a stretch of a recording with the frames of all of its cameras, which see the same
    places. A recording is cut into as many equal stretches as fit; one that is too short for two
    is one block.

    Args:
        bags: Recording of each of N frames, in any order.
        log_ns: When each was recorded [ns].
        block: Shortest block [s].
        enough: From so many recordings on, each of them is a unit.
    """
    names, bag = np.unique(bags, return_inverse=True)
    bag = bag.astype(np.int64)
    if len(names) >= enough:
        return Units('recording', bag, len(names))
    time = np.array(log_ns, np.int64)
    stretch = np.zeros(len(time), np.int64)
    for number in range(len(names)):
        inside = bag == number
        stretch[inside] = _stretches(time[inside], round(block * NANO))
    _, unit = np.unique(np.stack([bag, stretch]), axis=1, return_inverse=True)
    return Units('block', unit.reshape(-1).astype(np.int64), int(unit.max(initial=-1)) + 1)


def _stretches(time: npt.NDArray[np.int64], least: int) -> npt.NDArray[np.int64]:
    """Return the number of the stretch that each time [ns] is in."""
    begin, length = time.min(), np.ptp(time)
    parts = max(1, int(length // least))
    number: npt.NDArray[np.int64] = (time - begin) * parts // max(1, int(length))
    return np.minimum(number, parts - 1)
