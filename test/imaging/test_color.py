# SPDX-License-Identifier: Apache-2.0
"""Pictures for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.imaging import colorize, heat, legend, overlay
from seg_node.taxonomy import load_taxonomy, SegClass, Taxonomy

if TYPE_CHECKING:
    from typing import Literal

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


@pytest.mark.parametrize('kind', ['confidence', 'entropy'])
def test_heat_grows_brighter(kind: Literal['confidence', 'entropy']) -> None:
    ramp = np.arange(256, dtype=np.uint8)[None]

    picture = heat(ramp, kind)

    luminance = picture[0] @ [0.2126, 0.7152, 0.0722]
    smooth = luminance[:-8] < luminance[8:]
    assert smooth.all()
    assert picture[0, -1, 0] > picture[0, -1, 2]  # yellow, so RGB and not BGR


@pytest.mark.parametrize('columns', [1, 2, 5])
def test_legend_shows_each_colour_once(columns: int) -> None:
    taxonomy = load_taxonomy('cityscapes19')

    picture = legend(taxonomy, columns)

    seen = {tuple(colour) for colour in picture.reshape(-1, 3).tolist()}
    assert {tuple(colour) for colour in taxonomy.colors.tolist()} <= seen
    assert picture.shape[0] < 30 * (-(-19 // columns)) + 30


def test_legend_is_wide_enough_for_its_longest_line() -> None:
    long = Taxonomy('long', (SegClass('a', (1, 2, 3)), SegClass('x' * 40, (4, 5, 6))))

    picture = legend(long)

    assert (picture[:, -5:] == 255).all()
    assert picture.shape[1] > legend(THREE).shape[1]


def test_legend_refuses_no_columns() -> None:
    with pytest.raises(ValueError, match='0 columns; expected at least 1'):
        legend(THREE, 0)
