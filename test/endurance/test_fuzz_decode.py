# SPDX-License-Identifier: Apache-2.0
"""A hundred thousand messages through the decoder: right pixels or an ImageError, nothing else."""

from __future__ import annotations

from collections import Counter
import os
import time
from typing import Any

import numpy as np
import pytest

from endurance.hostile import Case, case
from endurance.hostile_files import CODED_TRICKS
from endurance.hostile_pixels import RAW_TRICKS
from endurance.memory import rss_anon
from seg_node.errors import ImageError
from seg_node.imaging import decode_compressed, rgb_pixels

SEED = 7
QUICK = 10_000
FULL = 200_000
LONGEST_S = 2.0
"""For a message of some kilobytes; on a busy machine it is milliseconds."""
GROWTH_MB = 8.0
"""The peaks of rare messages; one leaked message in ten would be more."""


def outcome(one: Case) -> str:
    """Decode a message, check all that is known about it, and return ``'good'`` or ``'bad'``."""
    message: Any = one.message
    begun = time.monotonic()
    try:
        pixels = decode_compressed(message) if one.compressed else rgb_pixels(message)
    except ImageError as err:
        assert len(str(err)) > 20, one.number  # noqa: PT017  # both are allowed
        return 'bad'
    finally:
        assert time.monotonic() - begun < LONGEST_S, (one.number, one.trick)
    assert pixels.dtype == np.uint8, one.number
    assert pixels.shape[2:] == (3,), one.number
    if one.pixels is not None:
        np.testing.assert_array_equal(pixels, one.pixels, err_msg=str(one.number))
    return 'good'


def decode_all(first: int, count: int) -> Counter[tuple[str, str]]:
    """Decode so many cases and return how often each trick had each outcome."""
    seen: Counter[tuple[str, str]] = Counter()
    for number in range(first, first + count):
        one = case(SEED, number)
        got = outcome(one)
        assert one.verdict in {got, 'either'}, f'{one.number}: {one.trick} is {got}'
        seen[one.trick, got] += 1
    return seen


def test_hostile_messages_are_decoded_or_refused() -> None:
    seen = decode_all(0, QUICK)

    tricks = Counter(trick for trick, _ in seen.elements())
    assert set(tricks) == {*RAW_TRICKS, *CODED_TRICKS}
    assert min(tricks.values()) > QUICK // len(tricks) // 2
    outcomes = Counter(got for _, got in seen.elements())
    assert min(outcomes['good'], outcomes['bad']) > QUICK // 4


@pytest.mark.slow
def test_memory_stays_flat_over_hostile_messages() -> None:
    decode_all(QUICK, FULL // 4)
    before = rss_anon(os.getpid())

    decode_all(QUICK + FULL // 4, FULL - FULL // 4)

    assert rss_anon(os.getpid()) - before < GROWTH_MB
