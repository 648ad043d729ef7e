# SPDX-License-Identifier: Apache-2.0
"""Checksums of images."""

from __future__ import annotations

import numpy as np

from seg_node.imaging.digest import pixel_digest

PIXELS = np.arange(60, dtype=np.uint8).reshape(6, 10)


def test_equal_pixels_have_equal_digests_however_they_lie_in_memory() -> None:
    padded = np.pad(PIXELS, ((0, 0), (0, 3)), constant_values=7)[:, :10]

    assert pixel_digest(padded) == pixel_digest(PIXELS)


def test_one_other_level_is_another_digest() -> None:
    other = PIXELS.copy()
    other[5, 9] += 1

    assert pixel_digest(other) != pixel_digest(PIXELS)


def test_the_same_bytes_in_another_size_are_another_digest() -> None:
    assert pixel_digest(PIXELS.reshape(10, 6)) != pixel_digest(PIXELS)
