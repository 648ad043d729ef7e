# SPDX-License-Identifier: Apache-2.0
"""How much of the road the drivable area covers, and how often it covers someone.

A pixel is published as drivable if its level, 255 x a probability, reaches a threshold. The node
asks for three things: the label is drivable, the label is probable enough, and the entropy is low
enough. Only the second is a threshold here; the first and third say which pixels may be published
at all. So the exact count of what the node would publish at every threshold is::

    allowed = drivable_area(labels, confidence, entropy, table, min_probability=0,
                            max_entropy=...) > 0
    counts += count_drivable(confidence, truth, classes, allowed)

Without ``allowed``, ``level`` may be the summed probability of the drivable classes.

precision           share of the published pixels that are drivable
recall              share of the drivable pixels that are published
false-drivable      share of the pixels of road users that are published as drivable: the error
                    that hurts. Sidewalk published as road is in the precision alone.
IoU                 drivable and published / drivable or published
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seg_node.metrics.layout import check_bytes
from seg_node.metrics.quotient import ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Counts = npt.NDArray[np.int64]
    Mask = npt.NDArray[np.bool_]
    Scores = npt.NDArray[np.float64]

__all__ = [
    'ROAD_USERS',
    'DrivableCurve',
    'cautious_level',
    'count_drivable',
    'drivable_curve',
    'probability_of_level',
    'published_share',
    'road_users',
]

LEVELS = 256
NEVER = LEVELS  # the column of pixels that no threshold publishes

ROAD_USERS = frozenset(
    {
        *('person', 'rider', 'car', 'truck', 'bus', 'train', 'motorcycle', 'bicycle'),
        # CamVid
        *('pedestrian', 'bicyclist', 'child', 'animal', 'cartluggagepram', 'motorcyclescooter'),
        *('suvpickuptruck', 'truck_bus', 'othermoving'),
        # Mapillary Vistas
        *('bird', 'ground animal', 'person group', 'motorcyclist', 'other rider', 'boat'),
        *('caravan', 'on rails', 'other vehicle', 'trailer', 'vehicle group', 'wheeled slow'),
    }
)
"""Names, in lower case, of those who must not be driven over."""


def road_users(names: Sequence[str]) -> Mask:
    """Return which classes are people, vehicles and what people ride: (K,) bool.

    Args:
        names: Names of the classes, as ``Taxonomy.names``; upper and lower case are alike.

    Example:
        >>> road_users(['road', 'Car', 'pole']).tolist()
        [False, True, False]
    """
    return np.array([name.lower() in ROAD_USERS for name in names], np.bool_)


def count_drivable(
    level: npt.NDArray[np.uint8],
    truth: npt.NDArray[np.uint8],
    classes: int,
    allowed: Mask | None = None,
) -> Counts:
    """Count the levels of the pixels of each true class.

    Args:
        level: (H, W) uint8, 255 x the probability that a threshold is put on.
        truth: (H, W) uint8 class ids; pixels with 255 are left out.
        classes: Number of classes K of the truth.
        allowed: (H, W) bool: where a pixel may be published at all; None for everywhere. With the
            node's own ``drivable_area > 0``, threshold 0 counts just what the node published.

    Returns:
        (K, 257) int64: row is the true class, column the level; column 256 are pixels that are not
        allowed. Results of several images are added.

    Raises:
        TypeError: If level or truth is not uint8.
        ValueError: If the shapes differ.
    """
    check_bytes(truth, level, 'level')
    columns = level.astype(np.intp)
    if allowed is not None:
        columns[~allowed] = NEVER
    columns += truth * np.intp(LEVELS + 1)
    table = np.bincount(columns.ravel(), minlength=LEVELS * (LEVELS + 1))
    return table.reshape(LEVELS, LEVELS + 1)[:classes].astype(np.int64)


@dataclass(frozen=True, slots=True)
class DrivableCurve:
    """Scores at each threshold; index t publishes the allowed pixels of level t and above.

    Each is (256,) float64, NaN where it would be nothing of nothing.

    Attributes:
        precision: Share of the published labelled pixels that are drivable.
        recall: Share of the drivable pixels that are published.
        false_drivable: Share of the pixels of road users that are published.
        iou: Drivable and published over drivable or published.
    """

    precision: Scores
    recall: Scores
    false_drivable: Scores
    iou: Scores


def drivable_curve(counts: Counts, drivable: Mask, users: Mask) -> DrivableCurve:
    """Return the scores of the drivable area at every threshold.

    Args:
        counts: (K, 257) as from ``count_drivable``.
        drivable: (K,) bool, as ``Taxonomy.drivable``.
        users: (K,) bool, as from ``road_users``.
    """
    published = _published(counts)
    hits, everything = published[drivable].sum(axis=0), published.sum(axis=0)
    road = counts[drivable].sum()
    return DrivableCurve(
        precision=ratio(hits, everything),
        recall=ratio(hits, road),
        false_drivable=ratio(published[users].sum(axis=0), counts[users].sum()),
        iou=ratio(hits, everything + road - hits),
    )


def published_share(counts: Counts, level: int) -> Scores:
    """Return which share of the pixels of each class is published at a threshold: (K,).

    NaN for a class without pixels.

    Args:
        counts: (K, 257) as from ``count_drivable``.
        level: Threshold, 0 to 255.
    """
    return ratio(_published(counts)[:, level], counts.sum(axis=1))


def cautious_level(curve: DrivableCurve, most: float = 0.005) -> int | None:
    """Return the least threshold at which the false-drivable rate is at most ``most``.

    Args:
        curve: From ``drivable_curve``.
        most: Largest rate allowed, 0 to 1.

    Returns:
        0 to 255; None if not even 255 is enough, or no road user was ever seen.
    """
    enough = np.flatnonzero(curve.false_drivable <= most)
    return int(enough[0]) if enough.size else None


def probability_of_level(level: int) -> float:
    """Return the probability, 0 to 1, that means a threshold of 0 to 255 to the node.

    Levels are rounded probabilities, so that the border of level t is at t - 1/2. Rounded to three
    digits it still means the same level.

    Example:
        >>> round(probability_of_level(128), 4)
        0.5
    """
    return max(level - 0.5, 0.0) / (LEVELS - 1)


def _published(counts: Counts) -> Counts:
    """Return how many pixels of each class are published at each threshold: (K, 256)."""
    return counts[:, NEVER - 1 :: -1].cumsum(axis=1)[:, ::-1]
