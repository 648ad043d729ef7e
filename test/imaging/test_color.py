# SPDX-License-Identifier: Apache-2.0
"""Label maps in colour."""

from __future__ import annotations

import numpy as np
import pytest

from seg_node.imaging import colorize, overlay
from seg_node.taxonomy import SegClass, Taxonomy

THREE = Taxonomy(
    'three',
    (
        SegClass('road', (10, 20, 30), drivable=True),
        SegClass('car', (200, 0, 50)),
        SegClass('sky', (0, 90, 255)),
    ),
)


def test_colorize_paints_classes_and_leaves_the_rest_black() -> None:
    labels = np.array([[0, 1, 2], [3, 254, 255]], np.uint8)

    picture = colorize(labels, THREE)

    expected = [[(10, 20, 30), (200, 0, 50), (0, 90, 255)], [(0, 0, 0)] * 3]
    np.testing.assert_array_equal(picture, expected)


@pytest.mark.parametrize('alpha', [0.0, 0.3, 0.5, 1.0])
def test_overlay_blends_image_and_class_colour(alpha: float) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (7, 9, 3), np.uint8)
    kept = image.copy()
    labels = rng.integers(0, 4, (7, 9), np.uint8)

    picture = overlay(image, labels, THREE, alpha)

    colours = np.vstack([THREE.colors, np.zeros((1, 3))])
    expected = (1 - alpha) * image + alpha * colours[labels]
    np.testing.assert_allclose(picture, expected, atol=0.51)
    np.testing.assert_array_equal(image, kept)


@pytest.mark.parametrize('alpha', [-0.1, 1.1, float('nan')])
def test_overlay_refuses_a_share_outside_0_to_1(alpha: float) -> None:
    with pytest.raises(ValueError, match=r'expected a number in 0\.\.1'):
        overlay(np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2), np.uint8), THREE, alpha)


def test_overlay_refuses_labels_of_another_size() -> None:
    with pytest.raises(ValueError, match='expected the same size'):
        overlay(np.zeros((2, 2, 3), np.uint8), np.zeros((2, 3), np.uint8), THREE)
