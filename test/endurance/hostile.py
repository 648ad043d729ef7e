# SPDX-License-Identifier: Apache-2.0
"""Image messages as bad cameras, bad networks and bad people send them. Free of ROS.

``case(seed, number)`` makes one message from two numbers alone, so that any of a hundred thousand
can be made again. Each case knows whether it has to be decoded, has to be refused, or may be
either.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TYPE_CHECKING

import numpy as np

from endurance.hostile_files import CODED_TRICKS
from endurance.hostile_pixels import RAW_TRICKS

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

__all__ = ['Case', 'Coded', 'Header', 'Raw', 'Verdict', 'case']

Verdict = Literal['good', 'bad', 'either']
SHARE_CODED = 0.5
SECONDS = (0, 1, -1, -(2**31), 2**31 - 1, 1_700_000_000)
NANOSECONDS = (0, 1, 999_999_999, 1_000_000_000, 2**32 - 1)  # the last two are no such thing
FRAMES = ('', 'front', '/', 'a b\n\tc', 'vorne/größer', '前方カメラ', '🚗' * 100, 'x' * 70_000)


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of ``std_msgs/Header``."""

    sec: int
    nanosec: int
    frame_id: str


@dataclass(slots=True)
class Raw:
    """The fields of ``sensor_msgs/Image``; the header stands beside it."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: bytes


@dataclass(slots=True)
class Coded:
    """The fields of ``sensor_msgs/CompressedImage``; the header stands beside it."""

    format: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Case:
    """One message.

    Attributes:
        number: Makes it again.
        trick: What was done to it, in words.
        message: As it arrives.
        verdict: Whether it has to be decoded (``'good'``), refused (``'bad'``), or either.
        pixels: (H, W, 3) uint8 RGB that it has to give, where that is known beforehand.
        header: As it arrives.
    """

    number: int
    trick: str
    message: Raw | Coded
    verdict: Verdict
    pixels: npt.NDArray[np.uint8] | None = None
    header: Header = field(default=Header(0, 0, ''))

    @property
    def compressed(self) -> bool:
        """Whether it is a CompressedImage."""
        return isinstance(self.message, Coded)


def case(seed: int, number: int, *, coded: bool | None = None) -> Case:
    """Make one case.

    Args:
        seed: Of the whole run.
        number: Of this case.
        coded: Whether it is a CompressedImage; half of them are, unless given.
    """
    rng = np.random.default_rng((seed, number))
    if coded is None:
        coded = bool(rng.random() < SHARE_CODED)
    tricks: dict[str, Callable[[Any], Any]] = CODED_TRICKS if coded else RAW_TRICKS
    names = tuple(tricks)
    trick = names[rng.integers(len(names))]
    verdict, fields, pixels = tricks[trick](rng)
    message = Coded(**fields) if coded else Raw(**fields)
    return Case(number, trick, message, verdict, pixels, _header(rng, number))


def _header(rng: np.random.Generator, number: int) -> Header:
    """Return a usual header, or in one of three cases an odd one."""
    if rng.random() < 2 / 3:
        return Header(number, 123_456_789, 'front')
    picks = (options[rng.integers(len(options))] for options in (SECONDS, NANOSECONDS, FRAMES))
    return Header(*picks)  # type: ignore[arg-type]  # two numbers and a text
