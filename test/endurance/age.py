# SPDX-License-Identifier: Apache-2.0
"""How old masks are, from what the node says about each frame on ``segmentation/status``."""

from __future__ import annotations

from dataclasses import dataclass
import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from typing_extensions import Self

__all__ = ['FRAMES', 'Ages', 'Status', 'ages']

FRAMES = 2.0
"""A frame may wait so many frame times of the camera for its turn."""


@dataclass(frozen=True, slots=True)
class Status:
    """What is kept of the status of one frame [s].

    Attributes:
        came: When it arrived, on the monotonic clock.
        age: From the image's stamp to the publication of its mask.
        waited: What of it was no work on the frame: transport, and waiting for its turn.
    """

    came: float
    age: float
    waited: float

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Self:
        """Return it from the values of a status that has just arrived."""
        age = float(values['age_s'])
        work = sum(float(values[f'{stage}_ms']) for stage in ('decode', 'total', 'publish'))
        return cls(time.monotonic(), age, age - work / 1e3)


@dataclass(frozen=True, slots=True)
class Ages:
    """Ages of the frames of a while [s].

    Attributes:
        count: Frames.
        median: From the image's stamp to the publication of its mask.
        p99: The same, 99th percentile.
        p999: The same, 99.9th percentile.
        waited_median: What of it was no work on the frame: transport, and waiting for its turn.
        waited_p90: The same, 90th percentile.
        waited_p999: The same, 99.9th percentile.
    """

    count: int
    median: float
    p99: float
    p999: float
    waited_median: float
    waited_p90: float
    waited_p999: float


def ages(statuses: Sequence[Status]) -> Ages:
    """Return the ages of the frames that the statuses are about.

    Raises:
        ValueError: If there are none.
    """
    if not statuses:
        msg = 'there is no status'
        raise ValueError(msg)
    age = np.array([one.age for one in statuses])
    waited = np.array([one.waited for one in statuses])
    whole, idle = np.quantile(age, (0.5, 0.99, 0.999)), np.quantile(waited, (0.5, 0.9, 0.999))
    return Ages(len(age), *(float(one) for one in (*whole, *idle)))
