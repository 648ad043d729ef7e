# SPDX-License-Identifier: Apache-2.0
"""Where one may drive: the cautious reading of a prediction."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy.typing as npt

    from seg_node.taxonomy import Taxonomy

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['DrivableRule', 'drivable_area', 'drivable_table']

LEVELS = 255


@dataclass(frozen=True, slots=True)
class DrivableRule:
    """Which pixels are drivable.

    Attributes:
        table: (256,) uint8, from ``drivable_table``.
        min_probability: Smallest probability of the label, 0 to 1.
        max_entropy: Largest normalised entropy, 0 to 1.
    """

    table: UInt8Array
    min_probability: float
    max_entropy: float

    @property
    def least_confidence(self) -> int:
        """Smallest level of confidence, 0 to 255; rounded to the cautious side."""
        return math.ceil(self.min_probability * LEVELS)

    @property
    def most_entropy(self) -> int:
        """Largest level of entropy, 0 to 255; rounded to the cautious side."""
        return math.floor(self.max_entropy * LEVELS)


def drivable_table(taxonomy: Taxonomy, names: Collection[str] = ()) -> UInt8Array:
    """Return the look-up table from class id to drivable: (256,) uint8 of 255 and 0.

    Ids without a class, 255 among them, are not drivable.

    Args:
        taxonomy: The classes, and which of them are drivable.
        names: Those that are drivable instead; none for what the taxonomy says.

    Raises:
        TaxonomyError: If it has no class of such a name.
    """
    table = np.zeros(LEVELS + 1, np.uint8)
    if names:
        table[[taxonomy.index(name) for name in names]] = LEVELS
    else:
        table[: len(taxonomy)] = np.where(taxonomy.drivable, LEVELS, 0)
    return table


def drivable_area(
    labels: UInt8Array,
    confidence: UInt8Array,
    entropy: UInt8Array,
    table: UInt8Array,
    *,
    min_probability: float,
    max_entropy: float,
) -> UInt8Array:
    """Return where the label is drivable and the network is sure of it.

    Args:
        labels: (H, W) uint8 class ids.
        confidence: (H, W) uint8, 255 x probability of the label.
        entropy: (H, W) uint8, 255 x normalised entropy.
        table: From ``drivable_table``.
        min_probability: Smallest probability of the label, 0 to 1.
        max_entropy: Largest normalised entropy, 0 to 1.

    Returns:
        (H, W) uint8: 255 drivable, 0 not or not sure.
    """
    rule = DrivableRule(table, min_probability, max_entropy)
    probable = confidence >= rule.least_confidence
    calm = entropy <= rule.most_entropy
    area: UInt8Array = np.asarray(cv2.LUT(labels, table), np.uint8)
    return np.multiply(area, probable & calm, out=area)
