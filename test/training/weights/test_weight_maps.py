# SPDX-License-Identifier: Apache-2.0
"""Weight maps against brute force and an example one can do in the head."""

from __future__ import annotations

from itertools import product
import math

import numpy as np
import numpy.typing as npt
import pytest

from seg_node.taxonomy import SegClass, Taxonomy
from seg_node.training.recipe.loss import BoundaryPart, WeightsPart
from seg_node.training.weights.class_weights import PixelCounts, recipe_weights
from seg_node.training.weights.weight_maps import boundary_distance, boundary_factors, weight_map

UInt8Array = npt.NDArray[np.uint8]
VOID = 255


def slow_boundary_distance(labels: UInt8Array) -> npt.NDArray[np.float64]:
    """Ask every pixel for its neighbours, and every pixel for every boundary pixel."""
    height, width = labels.shape
    places = list(product(range(height), range(width)))
    near = [
        (y, x)
        for y, x in places
        for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1))
        if (v, u) in places
        and labels[v, u] != labels[y, x]
        and VOID not in (labels[v, u], labels[y, x])
    ]
    distances = [
        min((math.dist(one, other) for other in near), default=math.inf) for one in places
    ]
    return np.array(distances).reshape(height, width)


def blobs(seed: int, *, void: bool = True) -> UInt8Array:
    """Return (11, 14) labels of random rectangles."""
    random = np.random.default_rng(seed)
    labels = np.zeros((11, 14), np.uint8)
    for value in (1, 2, VOID) if void else (1, 2):
        top, left = random.integers(0, 8, 2)
        height, width = random.integers(1, 6, 2)
        labels[top : top + height, left : left + width] = value
    return labels


@pytest.mark.parametrize('seed', range(6))
def test_boundary_distance_agrees_with_brute_force(seed: int) -> None:
    labels = blobs(seed)

    distance = boundary_distance(labels)

    assert distance == pytest.approx(slow_boundary_distance(labels), abs=1e-5)


def test_boundaries_to_unlabelled_pixels_do_not_count() -> None:
    labels = np.zeros((5, 6), np.uint8)
    labels[:, 3:] = VOID

    assert np.isinf(boundary_distance(labels)).all()
    assert (boundary_factors(labels, BoundaryPart(w0=9.0)) == 1).all()


def test_boundary_factor_falls_as_a_gaussian() -> None:
    labels = np.zeros((1, 20), np.uint8)
    labels[:, 10:] = 1

    factors = boundary_factors(labels, BoundaryPart(w0=4.0, sigma=3.0))

    assert factors[0, 9] == factors[0, 10] == pytest.approx(5.0)
    assert factors[0, 6] == pytest.approx(1 + 4 * math.exp(-0.5))  # 3 px away, one sigma


def test_distance_is_in_pixels_of_the_image_when_labels_are_thinned_out() -> None:
    labels = np.zeros((1, 20), np.uint8)
    labels[:, 10:] = 1

    factors = boundary_factors(labels, BoundaryPart(w0=4.0, sigma=6.0), spacing=2.0)

    assert factors[0, 6] == pytest.approx(1 + 4 * math.exp(-0.5))  # 3 labels, 6 px away


def test_road_weighs_half_a_rare_sign_five_and_a_boundary_doubles() -> None:
    """The example: road 0.5, rare sign 5.0, boundary 2.0.

    The first two are class weights, which a pixel has far from any boundary. The third is the
    factor on a boundary, 1 + w0 with w0 = 1, so a boundary pixel of a class of weight 1 weighs
    2.0 itself.
    """
    classes = tuple(SegClass(name, (0, 0, 0)) for name in ('road', 'traffic sign', 'building'))
    options = WeightsPart('given', given={'road': 0.5, 'traffic sign': 5.0})
    weights = recipe_weights(options, Taxonomy('example', classes), _no_counts)
    labels = np.zeros((60, 90), np.uint8)
    labels[:30] = 2
    labels[:30, 60:] = 1

    got = weight_map(labels, weights, BoundaryPart(w0=1.0, sigma=2.0))

    assert got[59, 0] == pytest.approx(0.5)  # road
    assert got[10, 80] == pytest.approx(5.0)  # rare sign
    assert got[29, 20] == pytest.approx(2.0)  # building, on the boundary to the road
    assert got[30, 20] == pytest.approx(2.0 * 0.5)  # road, on the boundary to the building
    assert got[10, 60] == pytest.approx(2.0 * 5.0)  # sign, on the boundary to the building


def test_unlabelled_pixels_weigh_nothing() -> None:
    labels = blobs(2)

    got = weight_map(labels, np.array([1.0, 2.0, 3.0]), BoundaryPart(w0=2.0))

    assert (labels == VOID).any()
    assert (got[labels == VOID] == 0).all()
    assert (got[labels != VOID] >= 1).all()


def _no_counts() -> PixelCounts:
    msg = 'given weights need no counts'
    raise AssertionError(msg)
