# SPDX-License-Identifier: Apache-2.0
"""What weather and camera do to light, contrast and edges."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from seg_node.training.augmentation import weather as sky
from seg_node.training.augmentation.camera import jpeg, line_kernel, motion_blur

UInt8Array = npt.NDArray[np.uint8]
RANDOM = np.random.default_rng
SHAPE = (120, 160, 3)
VIEW = sky.View(horizon=0.45 * 120, height=120)
BOTTOM = slice(100, 120)


def stripes() -> UInt8Array:
    """Return an image of upright stripes: the same contrast in each row."""
    image = np.full(SHAPE, 60, np.uint8)
    image[:, ::8] = image[:, 1::8] = image[:, 2::8] = 190
    return image


def contrast(image: UInt8Array, rows: slice) -> float:
    return float(image[rows].mean(2).std(axis=1).mean())


@pytest.mark.parametrize('name', sky.WEATHERS)
def test_weather_keeps_form_and_input_and_repeats(name: str) -> None:
    image = stripes()

    first, again = (sky.WEATHERS[name](image, VIEW, 0.7, RANDOM(1)) for _ in range(2))

    assert first.shape == SHAPE
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert np.array_equal(image, stripes())
    assert not np.array_equal(first, image)


@pytest.mark.parametrize('name', ['rain', 'fog', 'night'])
@pytest.mark.parametrize('seed', range(3))
def test_stronger_weather_leaves_less_contrast(name: str, seed: int) -> None:
    weather = sky.WEATHERS[name]

    weak, strong = (weather(stripes(), VIEW, one, RANDOM(seed)) for one in (0.1, 1.0))

    whole = slice(None)
    assert contrast(strong, whole) < contrast(weak, whole) < contrast(stripes(), whole)


@pytest.mark.parametrize('seed', range(5))
def test_fog_hides_what_is_far(seed: int) -> None:
    got = sky.fog(stripes(), VIEW, 0.8, RANDOM(seed))

    assert contrast(got, slice(48, 60)) < 0.8 * contrast(got, BOTTOM)


def test_the_air_never_hides_all() -> None:
    share = sky.haze(SHAPE, VIEW, 20, RANDOM(0))

    assert share.min() >= 0
    assert share.max() <= sky.THICKEST


def test_distance_follows_the_ground() -> None:
    away = sky.distance((1200, 1600), sky.View(540, 1200), RANDOM(0))

    rows = (np.arange(len(away)) + 0.5) * 1200 / len(away)
    middle = away[:, away.shape[1] // 2]
    near = rows > 800
    expected = sky.FOCAL * 1200 * sky.CAMERA_HEIGHT / (rows - 540)
    assert middle[near][:-6] == pytest.approx(expected[near][:-6], rel=0.1)
    assert away.max() <= sky.FAR


@pytest.mark.parametrize('seed', range(5))
def test_glare_lets_the_sun_stand_where_it_is_bright(seed: int) -> None:
    image = np.full(SHAPE, 90, np.uint8)
    image[:54, 80:] = 220

    got = sky.glare(image, VIEW, 0.6, RANDOM(seed)).mean(2)

    assert np.unravel_index(got.argmax(), got.shape)[1] >= 76
    assert got[80:].mean() < 140


@pytest.mark.parametrize('level', [60, 120, 230])
def test_night_is_dark_however_bright_the_day(level: int) -> None:
    day = np.full(SHAPE, level, np.uint8)

    nights = [sky.night(day, VIEW, 0.8, RANDOM(seed)).mean() for seed in range(4)]

    assert min(nights) > 10
    assert max(nights) < min(70, level)


def test_rain_draws_upright_streaks() -> None:
    covered = sky.streaks((240, 320), 1.0, RANDOM(0))

    across, along = (np.abs(np.diff(covered, axis=axis)).mean() for axis in (1, 0))
    assert 0 < covered.mean() < 0.2
    assert across > 1.5 * along


def test_veil_mixes_in_one_colour() -> None:
    image = np.full((6, 8, 3), 100, np.uint8)
    share = np.zeros((6, 8), np.float32)
    share[:, 4:] = 0.25

    got = sky.veil(image, (200.0, 100.0, 0.0), share)

    assert (got[:, :4] == 100).all()
    assert np.abs(got[:, 4:].astype(int) - (125, 100, 75)).max() <= 1


@pytest.mark.parametrize('length', [2.0, 5.3, 9.0])
@pytest.mark.parametrize('direction', [0.0, 30.0, 90.0])
def test_the_kernel_of_a_motion_is_even_about_its_middle(length: float, direction: float) -> None:
    kernel = line_kernel(length, direction)

    assert kernel.sum() == pytest.approx(1)
    assert kernel == pytest.approx(kernel[::-1, ::-1])
    assert len(kernel) >= length
    side = np.arange(len(kernel)) - len(kernel) // 2
    wide = (kernel.sum(0) * side**2).sum() + (kernel.sum(1) * side**2).sum()
    assert wide == pytest.approx(length**2 / 12, abs=0.55)  # pixels are not points


def test_motion_blur_smears_and_keeps_the_light() -> None:
    image = np.zeros((41, 41, 3), np.uint8)
    image[18:23, 18:23] = 255

    got = motion_blur(image, RANDOM(0)).astype(float)[..., 0]

    rows, columns = np.indices(got.shape)
    assert got.sum() == pytest.approx(25 * 255, rel=0.02)
    assert (got * rows).sum() / got.sum() == pytest.approx(20, abs=0.1)
    assert (got * columns).sum() / got.sum() == pytest.approx(20, abs=0.1)


def test_jpeg_of_low_quality_is_further_from_the_image_and_keeps_colours() -> None:
    random = RANDOM(0)
    coarse = random.integers(0, 256, (9, 12, 3), np.uint8)
    image = np.asarray(cv2.resize(coarse, (96, 72), interpolation=cv2.INTER_CUBIC), np.uint8)

    good, bad = (jpeg(image, quality).astype(int) - image for quality in (95, 10))

    assert np.abs(bad).mean() > 2 * np.abs(good).mean()
    assert np.abs(good.mean((0, 1))).max() < 2
