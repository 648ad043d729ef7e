# SPDX-License-Identifier: Apache-2.0
"""Bytes scaled by the documented rule are OpenCV's own, to the bit."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from seg_node.imaging import taps as rule
from seg_node.imaging.taps import taps


@pytest.mark.parametrize(
    ('source', 'target'),
    [
        ((720, 960), (360, 480)),
        ((1080, 1920), (512, 1024)),
        ((400, 900), (212, 480)),
        ((250, 331), (360, 476)),
        ((300, 400), (360, 400)),
        ((300, 401), (300, 480)),
        ((7, 5), (48, 36)),
        ((2, 1), (8, 4)),
        ((301, 403), (4, 8)),
    ],
    ids=str,
)
def test_taps_and_shifts_are_those_of_opencv(
    source: tuple[int, int], target: tuple[int, int]
) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*source, 3)).astype(np.uint8)
    rows, columns = taps(source[0], target[0]), taps(source[1], target[1])
    lower, upper = columns.weight[:, None], rows.weight[:, None, None]
    levels = image.astype(np.int64)

    blended = levels[:, columns.first] * (rule.ONE - lower) + levels[:, columns.second] * lower
    lines = blended >> rule.LINE_SHIFT
    above = (lines[rows.first] * (rule.ONE - upper)) >> rule.PRODUCT_SHIFT
    below = (lines[rows.second] * upper) >> rule.PRODUCT_SHIFT
    scaled = (above + below + rule.ROUNDING) >> rule.SUM_SHIFT

    np.testing.assert_array_equal(scaled, cv2.resize(image, target[::-1]))
