# SPDX-License-Identifier: Apache-2.0
"""One scene, from its first frame to the figures of its row."""

from __future__ import annotations

from statistics import median
from typing import Any, TYPE_CHECKING

from seg_node.errors import ProcessError

from .run import percentile
from .search import highest_rate, RateNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .options import BenchmarkOptions, Scene
    from .run import Run
    from .stage import Stage

__all__ = ['CONFIRMATIONS', 'measure', 'steps']

WARM_UP = 8  # frames of each camera
FEWEST = 10  # frames of a run, however slow they are
CONFIRMATIONS = 3


def steps(scene: Scene, options: BenchmarkOptions) -> int:
    """Return how often ``measure`` says that it got on."""
    return options.runs + (2 if scene.is_node else 1)


def measure(
    stage: Stage, scene: Scene, options: BenchmarkOptions, on_step: Callable[[str], None]
) -> dict[str, Any]:
    """Measure a scene.

    A node first gets one frame after the other, each when the last was answered, so latency and
    processor time are those of an unhurried node and do not depend on a rate; then its highest
    rate is looked for.

    Args:
        stage: Its processes, ready.
        scene: What it is.
        options: Number and length of the runs.
        on_step: Called before each step with what it is, ``steps`` times.

    Returns:
        The figures of the scene, see ``docs/benchmark.md``.

    Raises:
        ProcessError: If a process fails, or frames are not answered.
    """
    on_step('warming up')
    if not scene.is_node:
        stage.back_to_back(options.seconds / 3.0)
        runs = [_told(on_step, stage.back_to_back, options.seconds) for _ in range(options.runs)]
        return {**figures(runs), **stage.memory(), 'ran_on': stage.engine()}
    first = stage.one_by_one(WARM_UP * scene.cameras)
    if not first.latencies:
        msg = f'The node answered none of {first.sent} images. {stage.crew.last_words()}'
        raise ProcessError(msg)
    frames = max(FEWEST, round(options.seconds / median(first.latencies)))
    runs = [_told(on_step, stage.one_by_one, frames) for _ in range(options.runs)]
    on_step('looking for the highest rate')
    guess = median(one.rate for one in runs) / scene.cameras
    rate = searched(lambda hertz: stage.at_rate(hertz, options.seconds), guess)
    return {**figures(runs), **rate, **stage.memory(), 'ran_on': stage.engine()}


def searched(play: Callable[[float], Run], guess: float) -> dict[str, Any]:
    """Return the highest rate with its runs; None and the reason if there is none to be found.

    Args:
        play: As for ``highest_rate``.
        guess: The same.
    """
    try:
        rate, runs = highest_rate(play, guess, CONFIRMATIONS)
    except RateNotFoundError as err:
        return {'highest_rate': None, 'no_rate': str(err)}
    lost = 100.0 * median(one.lost for one in runs)
    found = {'rate': rate, 'lost_percent': lost, 'runs': [one.to_dict() for one in runs]}
    return {'highest_rate': found}


def _told(on_step: Callable[[str], None], run: Callable[[Any], Run], length: float) -> Run:
    on_step('one frame after the other')
    return run(length)


def figures(runs: Sequence[Run]) -> dict[str, Any]:
    """Return latency [ms], processor time [ms per frame] and frames per second of several runs.

    Percentiles are those of the frames of all runs together; the rest are medians over the runs.

    Raises:
        ProcessError: If a run has no answer at all.
    """
    if not all(one.latencies for one in runs):
        msg = 'A run of the benchmark got no answer at all. Is the machine overloaded?'
        raise ProcessError(msg)
    together = [latency for one in runs for latency in one.latencies]
    shares = {'p50': 0.5, 'p95': 0.95, 'p99': 0.99}
    told = [one.to_dict() for one in runs]
    return {
        'latency_ms': {name: 1e3 * percentile(together, p) for name, p in shares.items()},
        'cpu_ms': median(one['cpu'] for one in told),
        'frames_per_second': median(one['rate'] for one in told),
        'frames': len(together),
        'lost': sum(one.sent - len(one.latencies) for one in runs),
        'runs': told,
    }
