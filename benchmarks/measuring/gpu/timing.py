# SPDX-License-Identifier: Apache-2.0
"""Times of an engine on a GPU, from the camera's image on the host to the masks on the host."""

from __future__ import annotations

from itertools import cycle, islice
import statistics
import time
from typing import Any, TYPE_CHECKING

from seg_node.engines.base import Wanted
from seg_node.pipeline import Segmenter, SegmenterOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['measure']

WARM_UPS = 20


def measure(
    engine: Any, images: Sequence[UInt8Array], limits: tuple[float, float], rounds: int
) -> dict[str, float]:
    """Time an engine.

    Args:
        engine: Opened; it has ``stream`` beside what every engine has.
        images: (H, W, 3) uint8 RGB, of one size.
        limits: Of the drivable area.
        rounds: How many images each figure is the median of.

    Returns:
        In milliseconds: ``latency`` of one image and its 95th percentile, ``engine`` (the deployed
        graph alone, by the GPU's clock), ``period`` (between two results of a stream), ``around``
        (processor time of this thread in the pipeline, outside the engine's call) and ``within``
        (the same inside the call, copies and waiting included).
    """
    wanted = Wanted(drivable=limits)
    for image in islice(cycle(images), WARM_UPS):
        engine.segment([image], wanted)
    latency, alone = [], []
    for image in islice(cycle(images), rounds):
        started = time.perf_counter()
        (found,) = engine.segment([image], wanted)
        latency.append(time.perf_counter() - started)
        alone.append(found.times['infer'])
    around, within = _host(engine, images, limits, rounds)
    return {
        'latency': 1e3 * statistics.median(latency),
        'latency_p95': 1e3 * sorted(latency)[int(0.95 * len(latency))],
        'engine': 1e3 * statistics.median(alone),
        'period': 1e3 * _period(engine, images, wanted, rounds),
        'around': 1e3 * around,
        'within': 1e3 * within,
    }


def _period(engine: Any, images: Sequence[UInt8Array], wanted: Wanted, rounds: int) -> float:
    """Return the time from one result of a stream to the next, on average [s]."""
    stream = engine.stream(([image] for image in islice(cycle(images), rounds + 2)), wanted)
    next(stream)
    started = time.perf_counter()
    count = sum(1 for _ in stream)
    return (time.perf_counter() - started) / count


def _host(
    engine: Any, images: Sequence[UInt8Array], limits: tuple[float, float], rounds: int
) -> tuple[float, float]:
    """Return processor time around the engine's call and within it, medians [s]."""
    spent = []
    call = engine.segment

    def timed(batch: Sequence[UInt8Array], wanted: Wanted) -> Any:
        started = time.thread_time()
        found = call(batch, wanted)
        spent.append(time.thread_time() - started)
        return found

    options = SegmenterOptions(drivable_min_probability=limits[0], drivable_max_entropy=limits[1])
    segmenter, around = Segmenter(engine, options), []
    engine.segment = timed
    try:
        for image in islice(cycle(images), rounds):
            started = time.thread_time()
            segmenter(image)
            around.append(time.thread_time() - started - spent[-1])
    finally:
        del engine.segment
    return statistics.median(around), statistics.median(spent)
