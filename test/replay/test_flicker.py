# SPDX-License-Identifier: Apache-2.0
"""Flicker of scenes whose motion and changes are known."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from seg_node.replay.flicker import Flicker

UInt8Array = npt.NDArray[np.uint8]

SIZE = (120, 160)  # is looked at as it is
SECOND = 10**9
STEP = SECOND // 10


def textured(seed: int = 0) -> UInt8Array:
    """Return a picture that can be followed: smooth noise, wider than the view."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (30, 50, 3), np.uint8)
    return np.asarray(cv2.resize(coarse, (240, 160), interpolation=cv2.INTER_CUBIC), np.uint8)


def view(picture: npt.NDArray[np.uint8], shift: int = 0) -> UInt8Array:
    """Return what a camera sees that has moved by some pixels."""
    return np.ascontiguousarray(picture[20 : 20 + SIZE[0], 40 + shift : 40 + shift + SIZE[1]])


def areas() -> UInt8Array:
    """Return labels of the picture: two halves."""
    labels = np.zeros((160, 240), np.uint8)
    labels[:, 120:] = 1
    return labels


def test_scene_that_moves_with_its_labels_does_not_flicker() -> None:
    flicker, picture, labels = Flicker(), textured(), areas()

    found = [
        flicker(view(picture, 3 * step), view(labels, 3 * step), step * STEP, step * STEP)
        for step in range(4)
    ]

    assert found[0] is None
    assert all(one is not None and one < 0.005 for one in found[1:])


def test_labels_that_stay_where_the_scene_moves_do_flicker() -> None:
    """The border is left behind by 8 of 160 columns."""
    flicker, picture, labels = Flicker(), textured(), areas()
    flicker(view(picture), view(labels), STEP, STEP)

    found = flicker(view(picture, 8), view(labels), 2 * STEP, 2 * STEP)

    assert found == pytest.approx(8 / 160, abs=0.01)


@pytest.mark.parametrize('share', [0.1, 0.5, 1.0])
def test_share_of_changed_labels_is_what_is_returned(share: float) -> None:
    flicker, image = Flicker(), view(textured())
    labels = np.zeros(SIZE, np.uint8)
    changed = labels.copy()
    changed[: round(share * SIZE[0])] = 1
    flicker(image, labels, STEP, STEP)

    assert flicker(image, changed, 2 * STEP, 2 * STEP) == pytest.approx(share)


def test_what_cannot_be_followed_does_not_count() -> None:
    """Half of the picture is replaced by another one; only there do labels change."""
    flicker, labels = Flicker(), np.zeros(SIZE, np.uint8)
    before, after = view(textured()), view(textured())
    after[:, 80:] = view(textured(1))[:, 80:]
    changed = labels.copy()
    changed[:, 80:] = 1
    flicker(before, labels, STEP, STEP)

    found = flicker(after, changed, 2 * STEP, 2 * STEP)

    assert found is not None
    assert found < 0.35  # of all pixels it is one half


@pytest.mark.parametrize(
    ('stamp', 'log'),
    [(STEP, 2 * STEP), (0, 2 * STEP), (3 * SECOND, 2 * STEP), (2 * STEP, 3 * SECOND)],
    ids=['same stamp', 'back', 'gap', 'gap of the recording'],
)
def test_sequence_begins_anew_where_time_jumps(stamp: int, log: int) -> None:
    flicker, image, labels = Flicker(), view(textured()), view(areas())
    flicker(image, labels, STEP, STEP)

    assert flicker(image, labels, stamp, log) is None
    assert flicker(image, labels, stamp + STEP, log + STEP) == 0.0


def test_sequence_begins_anew_with_another_size_and_on_request() -> None:
    flicker, image, labels = Flicker(), view(textured()), view(areas())
    flicker(image, labels, STEP, STEP)

    assert flicker(image[:60], labels[:60], 2 * STEP, 2 * STEP) is None
    flicker.reset()
    assert flicker(image[:60], labels[:60], 3 * STEP, 3 * STEP) is None


def test_large_images_are_looked_at_small_with_the_same_result() -> None:
    image = cv2.resize(view(textured()), (1280, 960), interpolation=cv2.INTER_CUBIC)
    labels = np.zeros((960, 1280), np.uint8)
    changed = labels.copy()
    changed[:240] = 1
    flicker = Flicker()
    flicker(np.asarray(image, np.uint8), labels, STEP, STEP)

    found = flicker(np.asarray(image, np.uint8), changed, 2 * STEP, 2 * STEP)

    assert found == pytest.approx(0.25, abs=0.005)
