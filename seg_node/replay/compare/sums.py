# SPDX-License-Identifier: Apache-2.0
"""What is added up for each unit of frames, and the figures that are divided out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TYPE_CHECKING

import numpy as np

from seg_node.metrics.quotient import ratio

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from seg_node.replay.record import FrameRecord

    Float64Array = npt.NDArray[np.float64]
    Key = tuple[str, str, int]

__all__ = ['Place', 'UnitSums', 'figures', 'key_of', 'sum_units']

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


class Place(NamedTuple):
    """Where a frame of both sides belongs.

    Attributes:
        unit: Number of its unit.
        flickers: Whether both sides know its flicker.
        scored: Whether both sides have scored it against truth.
    """

    unit: int
    flickers: bool = True
    scored: bool = True


def key_of(record: FrameRecord) -> Key:
    """Return what a frame is found by in another run."""
    return record.bag, record.topic, record.index


def sum_units(
    records: Iterable[FrameRecord], places: Mapping[Key, Place], units: int, classes: int
) -> UnitSums:
    """Add up the frames of each unit; they are read once and not kept.

    Args:
        records: Of one side.
        places: Frames that count, and where; each of them is among the records.
        units: Number of units U.
        classes: Number of classes K.
    """
    pixels, shares = np.zeros((3, units, classes)), np.zeros((3, units, 2))
    times, unit_of_time = [], []
    for record in records:
        place = places.get(key_of(record))
        if place is None:
            continue
        unit = place.unit
        if place.scored:
            _add_pixels(pixels[:, unit], record)
        shares[0, unit] += record.entropy, 1.0
        shares[1, unit] += (record.flicker or 0.0, 1.0) if place.flickers else (0.0, 0.0)
        shares[2, unit] += record.crf == 'ran', 1.0
        times.append(record.times['total'])
        unit_of_time.append(unit)
    order = np.argsort(times, kind='stable')
    return UnitSums(
        hits=pixels[0],
        truth=pixels[1],
        predicted=pixels[2],
        entropy=shares[0],
        flicker=shares[1],
        crf=shares[2],
        times=np.array(times)[order],
        unit_of_time=np.array(unit_of_time, np.int64)[order],
    )


def _add_pixels(pixels: Float64Array, record: FrameRecord) -> None:
    """Add right, true and predicted pixels, (3, K), of a frame."""
    for true, guessed, count in record.confusion or ():
        pixels[0, true] += count if true == guessed else 0
        pixels[1, true] += count
        pixels[2, guessed] += count


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
