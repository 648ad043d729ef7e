# SPDX-License-Identifier: Apache-2.0
"""The probe image, which must be the same everywhere."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from seg_node.engines.standby.probe import probe_image


@pytest.mark.parametrize(
    ('size', 'digest'),
    [
        ((48, 64), '052ea9f6764c21fb'),
        ((720, 1280), 'ba1f55d5331f06e6'),
    ],
)
def test_probe_has_the_same_bytes_everywhere(size: tuple[int, int], digest: str) -> None:
    image = probe_image(size)

    assert image.shape == (*size, 3)
    assert image.dtype == np.uint8
    assert hashlib.sha256(image.tobytes()).hexdigest()[:16] == digest


@pytest.mark.parametrize('size', [(1, 1), (1, 7), (3, 1)])
def test_probe_may_be_tiny(size: tuple[int, int]) -> None:
    assert probe_image(size).shape == (*size, 3)


def test_probe_has_many_colours_and_no_symmetry() -> None:
    image = probe_image((360, 480))

    coarse = np.unique((image // 32).reshape(-1, 3), axis=0)
    assert len(coarse) > 20
    assert np.mean(image == image[:, ::-1]) < 0.25
