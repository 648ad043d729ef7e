# SPDX-License-Identifier: Apache-2.0
"""Pictures made ready for a page."""

from __future__ import annotations

import numpy as np
import pytest

from seg_node.drawing import CONFIDENCE_MAP, ENTROPY_MAP, fitted, heat


@pytest.mark.parametrize('colormap', [CONFIDENCE_MAP, ENTROPY_MAP])
def test_heat_grows_brighter(colormap: int) -> None:
    ramp = np.arange(256, dtype=np.uint8)[None]

    picture = heat(ramp, colormap)

    luminance = picture[0] @ [0.2126, 0.7152, 0.0722]
    smooth = luminance[:-8] < luminance[8:]
    assert smooth.all()
    assert picture[0, -1, 0] > picture[0, -1, 2]  # yellow, so RGB and not BGR


@pytest.mark.parametrize(('height', 'width'), [(10, 100), (100, 10), (37, 53), (1, 1)])
def test_fitted_keeps_the_shape_and_fills_one_side(height: int, width: int) -> None:
    box = fitted(np.full((height, width, 3), 9, np.uint8), 60, 80)

    ys, xs = np.nonzero((box == 9).all(axis=-1))
    got = (int(np.ptp(ys)) + 1, int(np.ptp(xs)) + 1)
    scale = min(60 / height, 80 / width)
    assert box.shape == (60, 80, 3)
    assert got == (max(1, round(height * scale)), max(1, round(width * scale)))
    assert got[0] == 60 or got[1] == 80
