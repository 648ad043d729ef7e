# SPDX-License-Identifier: Apache-2.0
"""What is added up for each unit of frames, and the figures that are divided out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seg_node.metrics.quotient import ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from seg_node.replay.compare.units import Units
    from seg_node.replay.record import FrameRecord

    Float64Array = npt.NDArray[np.float64]

__all__ = ['UnitSums', 'figures', 'sum_units']

POINTS = 100.0
MS = 1e3
PERCENTILES = {'latency_p50': 50, 'latency_p95': 95}


@dataclass(frozen=True, slots=True)
class UnitSums:
    """Sums of one side over the frames of each of U units; K classes.

    Attributes:
        hits: (U, K) float64, pixels of each class that are right.
        truth: (U, K) float64, pixels of each true class.
        predicted: (U, K) float64, labelled pixels taken for each class.
        entropy: (U, 2) float64: mean normalised entropy of each frame, and frames.
        flicker: (U, 2) float64: share of pixels that changed, and frames that have one.
        crf: (U, 2) float64: frames that the CRF ran on, and frames.
        times: (N,) float64, what each frame took [s], ascending.
        unit_of_time: (N,) int64, the unit of each of them.
    """

    hits: Float64Array
    truth: Float64Array
    predicted: Float64Array
    entropy: Float64Array
    flicker: Float64Array
    crf: Float64Array
    times: Float64Array
    unit_of_time: npt.NDArray[np.int64]


def sum_units(
    records: Sequence[FrameRecord],
    units: Units,
    classes: int,
    flickers: npt.NDArray[np.bool_] | None = None,
) -> UnitSums:
    """Add up the frames of each unit.

    Args:
        records: N frames of one side, none of them failed.
        units: Of these frames.
        classes: Number of classes K.
        flickers: (N,) bool, frames whose flicker counts; by default those that have one.
    """
    flicker = np.array([np.nan if one.flicker is None else one.flicker for one in records])
    known = ~np.isnan(flicker) if flickers is None else flickers
    ones = np.ones(len(records))
    times = np.array([one.times['total'] for one in records], np.float64)
    order = np.argsort(times, kind='stable')
    hits, truth, predicted = _pixels(records, units, classes)
    return UnitSums(
        hits=hits,
        truth=truth,
        predicted=predicted,
        entropy=_added(units, np.array([one.entropy for one in records]), ones),
        flicker=_added(units, np.where(known, flicker, 0.0), known),
        crf=_added(units, np.array([one.crf == 'ran' for one in records]), ones),
        times=times[order],
        unit_of_time=units.of_frame[order],
    )


def figures(
    sums: UnitSums, weights: Float64Array, names: Sequence[str]
) -> dict[str, Float64Array]:
    """Return every figure of R draws: sums are weighed and added, then divided once.

    Args:
        sums: Of one side.
        weights: (R, U) float64, how often each unit was drawn.
        names: Of the K classes.

    Returns:
        (R,) float64 for each figure; shares in points (0 to 100), times in ms; NaN where there is
        nothing to divide by.
    """
    hits, truth, predicted = (weights @ one for one in (sums.hits, sums.truth, sums.predicted))
    iou = POINTS * ratio(hits, truth + predicted - hits)
    known = ~np.isnan(iou)
    found = {
        'miou': ratio(np.where(known, iou, 0.0).sum(axis=1), known.sum(axis=1)),
        'accuracy': POINTS * ratio(hits.sum(axis=1), truth.sum(axis=1)),
    }
    found |= {f'iou.{name}': iou[:, number] for number, name in enumerate(names)}
    for name, pair in (
        ('flicker', sums.flicker),
        ('entropy', sums.entropy),
        ('crf_rate', sums.crf),
    ):
        part, whole = (weights @ pair).T
        found[name] = POINTS * ratio(part, whole)
    return found | _latencies(sums, weights)


def _latencies(sums: UnitSums, weights: Float64Array) -> dict[str, Float64Array]:
    """Return percentiles of the times of all frames that were drawn [ms]."""
    if not sums.times.size:
        return {name: np.full(len(weights), np.nan) for name in PERCENTILES}
    drawn = np.cumsum(weights[:, sums.unit_of_time], axis=1)
    return {
        name: MS * sums.times[(drawn < percent / 100 * drawn[:, -1:]).sum(axis=1)]
        for name, percent in PERCENTILES.items()
    }


def _added(
    units: Units, part: npt.NDArray[np.generic], whole: npt.NDArray[np.generic]
) -> Float64Array:
    """Return the sums of two columns over the frames of each unit, (U, 2)."""
    return np.stack(
        [
            np.bincount(units.of_frame, weights=column, minlength=units.count)
            for column in (part, whole)
        ],
        axis=1,
    )


def _pixels(
    records: Sequence[FrameRecord], units: Units, classes: int
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return right, true and predicted pixels of each class in each unit."""
    hits, truth, predicted = (np.zeros((units.count, classes)) for _ in range(3))
    for unit, record in zip(units.of_frame, records, strict=True):
        for true, guessed, pixels in record.confusion or ():
            truth[unit, true] += pixels
            predicted[unit, guessed] += pixels
            if true == guessed:
                hits[unit, true] += pixels
    return hits, truth, predicted
