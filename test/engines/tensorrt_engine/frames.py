# SPDX-License-Identifier: Apache-2.0
"""Frames for engines of TensorRT, and results of theirs compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seg_node.engines.base import Wanted
import tiny

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.engines.base import Inferred

    UInt8Array = npt.NDArray[np.uint8]

SIZE = (60, 80)
ALL = Wanted(planes=(0, 2), drivable=(0.5, 0.9), scores=True)


def images(count: int, size: tuple[int, int] = SIZE, first: int = 0) -> list[UInt8Array]:
    return [tiny.scene(size, first + seed)[0] for seed in range(count)]


def assert_equal(got: Inferred, expected: Inferred) -> None:
    """Compare all arrays."""
    for name in ('labels', 'confidence', 'entropy'):
        np.testing.assert_array_equal(getattr(got.maps, name), getattr(expected.maps, name))
    assert got.maps.planes.keys() == expected.maps.planes.keys()
    for index, plane in got.maps.planes.items():
        np.testing.assert_array_equal(plane, expected.maps.planes[index])
    np.testing.assert_array_equal(got.drivable_area, expected.drivable_area)
    np.testing.assert_array_equal(got.scores, expected.scores)
    assert got.placement == expected.placement
