# SPDX-License-Identifier: Apache-2.0
"""How fast the machine is at this moment: fixed work that no change of this package touches."""

from __future__ import annotations

from statistics import median
import time

import numpy as np

__all__ = ['yardstick']

ROUNDS = 9
NUMBERS = 1 << 20


def yardstick() -> float:
    """Return the time to sort and to copy some numbers, on one thread [ms]: median of some tries.

    Sorting takes the processor, copying the memory. A machine that is busy with something else, or
    throttled, takes longer.
    """
    numbers = np.random.default_rng(0).random(NUMBERS, np.float32)
    target = np.empty((16, NUMBERS), np.float32)
    times = []
    for _ in range(ROUNDS):
        before = time.perf_counter()
        np.sort(numbers)
        target[:] = numbers
        times.append(time.perf_counter() - before)
    return 1e3 * median(times)
