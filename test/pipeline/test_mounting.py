# SPDX-License-Identifier: Apache-2.0
"""Turned cameras and the own vehicle in their view, against doing it by hand with numpy."""

from __future__ import annotations

from dataclasses import fields, replace
import os
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import pytest

from seg_node.crf import preset
from seg_node.engines.onnx_engine import OnnxEngine
from seg_node.errors import ImageError, ParameterError
from seg_node.pipeline import Mounting, open_mounting, Outputs, Segmenter, SegmenterOptions
from seg_node.pipeline.gate import CrfGate
from seg_node.pipeline.mounting import MOST_BYTES, read_own_vehicle_mask
import tiny

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.engines.base import Engine
    from seg_node.pipeline import CrfDecision, Segmentation

pytestmark = [pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]
EVERYTHING = Outputs(classes=(0, 2), probabilities=True)
REFINING = SegmenterOptions(crf=replace(preset('classic'), backend='numpy', iterations=2))
ROTATIONS = (0, 90, 180, 270)
MAPS = ('labels', 'confidence', 'entropy', 'drivable_area', 'network_labels')


def noise(height: int, width: int, seed: int = 1) -> npt.NDArray[np.uint8]:
    """Return an image in which every class wins somewhere, sure here and doubtful there."""
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.uint8)


IMAGE = noise(40, 72)
HOOD = np.zeros(IMAGE.shape[:2], bool)
HOOD[30:, 5:50] = True
HOOD[3, 70] = True


@pytest.fixture(scope='module')
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with OnnxEngine(tiny.tiny_bundle(tmp_path_factory.mktemp('mounting') / 'tiny')) as opened:
        yield opened


def by_hand(result: Segmentation, rotation: int, hood: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Return what becomes of the results of an upright image, as arrays by name."""

    def back(pixels: Any, hidden: int) -> Any:
        turned = np.rot90(pixels, rotation // 90, axes=(-2, -1))
        return np.where(hood, pixels.dtype.type(hidden), turned)

    hidden = {'labels': 255, 'network_labels': 255}
    expected = {name: back(getattr(result, name), hidden.get(name, 0)) for name in MAPS}
    planes = {f'plane {index}': back(plane, 0) for index, plane in result.planes.items()}
    return {**expected, **planes, 'probabilities': back(result.probabilities, 0)}


def arrays_of(result: Segmentation) -> dict[str, Any]:
    """Return the arrays of a result by name."""
    maps = {name: getattr(result, name) for name in (*MAPS, 'probabilities')}
    return {**maps, **{f'plane {index}': plane for index, plane in result.planes.items()}}


@pytest.mark.parametrize('hood', [np.zeros_like(HOOD), HOOD], ids=['free view', 'hood'])
@pytest.mark.parametrize('rotation', ROTATIONS)
@pytest.mark.parametrize('options', [SegmenterOptions(), REFINING], ids=['network', 'crf'])
def test_outputs_are_those_of_the_upright_image_turned_back(
    options: SegmenterOptions, rotation: int, hood: npt.NDArray[np.bool_], engine: Engine
) -> None:
    decision: CrfDecision = 'ran' if options.crf else 'off'
    upright = np.ascontiguousarray(np.rot90(IMAGE, -(rotation // 90)))
    plain = Segmenter(engine, options)(upright, EVERYTHING, crf_decision=decision)
    expected = by_hand(plain, rotation, hood)
    before = IMAGE.copy()

    mounted = Segmenter(engine, options, Mounting(rotation, hood))
    result = mounted(IMAGE, EVERYTHING, crf_decision=decision)

    found = arrays_of(result)
    assert set(found) == set(expected)
    for name, array in found.items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)
        assert array.flags.c_contiguous, name
    np.testing.assert_array_equal(IMAGE, before)
    assert (result.labels is result.network_labels) == (options.crf is None)
    # Else the comparison would be of empty things.
    assert set(np.unique(plain.labels)) == {0, 1, 2}
    assert plain.drivable_area is not None
    assert plain.drivable_area.any()


def test_every_array_of_a_result_is_compared_here() -> None:
    from seg_node.pipeline import Segmentation  # noqa: PLC0415

    no_pictures = {'uncertain_fraction', 'crf', 'crf_predicted', 'crf_error', 'times'}

    assert {one.name for one in fields(Segmentation)} - no_pictures == {
        *MAPS,
        'planes',
        'probabilities',
    }


def test_probabilities_alone_are_turned_back_too(engine: Engine) -> None:
    whole = Segmenter(engine, mounting=Mounting(90, HOOD))

    alone = whole.probabilities(IMAGE)

    expected = whole(IMAGE, EVERYTHING).probabilities
    assert expected is not None
    np.testing.assert_array_equal(alone, np.moveaxis(expected, 0, -1))
    assert not alone[HOOD].any()
    np.testing.assert_allclose(alone[~HOOD].sum(axis=-1), 1.0, atol=1e-5)


def test_rotation_is_the_clockwise_turn_that_makes_the_image_upright() -> None:
    image = np.arange(6, dtype=np.uint8).reshape(2, 3, 1).repeat(3, axis=2)

    turned = Mounting(90).upright(image)

    assert turned[:, :, 0].tolist() == [[3, 0], [4, 1], [5, 2]]


def test_outputs_that_nobody_wants_stay_absent(engine: Engine) -> None:
    nothing = Outputs(confidence=False, entropy=False, drivable_area=False)

    result = Segmenter(engine, mounting=Mounting(90, HOOD))(IMAGE, nothing)

    assert (result.confidence, result.entropy, result.drivable_area) == (None, None, None)
    assert (result.labels[HOOD] == 255).all()


def test_own_vehicle_does_not_count_as_uncertain(engine: Engine) -> None:
    """A share of the whole image, as everywhere; and what the gate decides by."""
    doubtful = np.full((40, 72, 3), 90, np.uint8)  # no class wins
    half = np.zeros((40, 72), bool)
    half[20:] = True
    options = replace(REFINING, crf_min_uncertain_fraction=0.6)

    open_view = Segmenter(engine, options)(doubtful)
    half_hidden = Segmenter(engine, options, Mounting(270, half))(doubtful)

    assert (open_view.uncertain_fraction, open_view.crf) == (1.0, 'ran')
    assert (half_hidden.uncertain_fraction, half_hidden.crf) == (0.5, 'certain')


@pytest.mark.parametrize(('rotation', 'size'), [(90, (72, 40)), (180, (40, 72))])
def test_recall_follows_on_a_turned_camera(
    rotation: int, size: tuple[int, int], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate compares sizes of upright images; a recording knows those that came in."""
    sizes: list[tuple[int, int]] = []
    monkeypatch.setattr(CrfGate, 'recall', lambda *given: sizes.append(given[3]))

    Segmenter(engine, mounting=Mounting(rotation)).recall(0.5, (40, 72), 1.0)

    assert sizes == [size]


def test_mask_of_another_size_is_refused_with_both_sizes(engine: Engine) -> None:
    segmenter = Segmenter(engine, mounting=Mounting(90, HOOD, 'hood.png'))

    with pytest.raises(ImageError, match=r"'hood.png' is 72 x 40 .* the image is 72 x 48"):
        segmenter(noise(48, 72))


def test_rotation_that_is_no_quarter_turn_is_refused() -> None:
    with pytest.raises(ParameterError, match='45; expected 0, 90, 180 or 270'):
        open_mounting(45)


def test_camera_is_upright_and_free_by_default() -> None:
    mounting = open_mounting()

    assert mounting.own_vehicle is None
    assert mounting.upright(IMAGE) is IMAGE


def test_mounting_says_in_words_what_is_special() -> None:
    quarter = np.zeros((4, 4), bool)
    quarter[2:, 2:] = True

    assert str(Mounting()) == ''
    assert str(Mounting(90)) == 'turned clockwise by 90 degrees'
    assert str(Mounting(0, quarter)) == '25.0 % of the image are own vehicle'


def png(path: Path, pixels: npt.NDArray[Any]) -> Path:
    """Write a PNG by OpenCV."""
    cv2.imwrite(str(path), pixels)
    return path


HALF = np.repeat([[0, 255]], 2, axis=0)
SEEN = [[False, True], [False, True]]


@pytest.mark.parametrize(
    'pixels',
    [
        HALF.astype(np.uint8),
        (HALF > 0).astype(np.uint8),
        (HALF > 0).astype(np.uint16),
        np.stack([HALF * 0, HALF * 0, HALF], axis=2).astype(np.uint8),
    ],
    ids=['white', 'ones', '16 bits', 'red'],
)
def test_every_pixel_of_a_mask_that_is_not_black_counts(
    pixels: npt.NDArray[Any], tmp_path: Path
) -> None:
    path = png(tmp_path / 'mask.png', pixels)

    assert read_own_vehicle_mask(path).tolist() == SEEN


def test_mask_is_turned_with_the_image(tmp_path: Path) -> None:
    mounting = open_mounting(90, png(tmp_path / 'mask.png', HALF.astype(np.uint8)))

    assert mounting.own_vehicle is not None
    assert mounting.own_vehicle.tolist() == [[False, False], [True, True]]


def test_mask_with_transparency_is_refused(tmp_path: Path) -> None:
    path = png(tmp_path / 'mask.png', np.zeros((2, 2, 4), np.uint8))

    with pytest.raises(ParameterError, match='alpha channel; expected grey or colour'):
        read_own_vehicle_mask(path)


def test_mask_that_leaves_nothing_to_see_is_refused(tmp_path: Path) -> None:
    path = png(tmp_path / 'mask.png', np.full((2, 2), 255, np.uint8))

    with pytest.raises(ParameterError, match='covers the whole image'):
        read_own_vehicle_mask(path)


def test_mask_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"nowhere\.png' cannot be read: No such file"):
        open_mounting(0, tmp_path / 'nowhere.png')
    with pytest.raises(ParameterError, match='cannot be read: Is a directory'):
        open_mounting(0, tmp_path)


def test_mask_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / 'mask.jpg'
    cv2.imwrite(str(path), np.zeros((8, 8), np.uint8))

    with pytest.raises(ParameterError, match='no PNG file'):
        read_own_vehicle_mask(path)


@pytest.mark.parametrize('kind', ['device', 'pipe'])
def test_mask_that_is_no_plain_file_is_refused_at_once(kind: str, tmp_path: Path) -> None:
    path = tmp_path / 'mask.png'
    if kind == 'device':
        path.symlink_to('/dev/null')
    else:
        os.mkfifo(path)

    with pytest.raises(ParameterError, match='is no plain file'):
        read_own_vehicle_mask(path)


def test_mask_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    path = png(tmp_path / 'mask.png', HALF.astype(np.uint8))
    os.truncate(path, MOST_BYTES)
    assert read_own_vehicle_mask(path).tolist() == SEEN
    os.truncate(path, MOST_BYTES + 1)

    with pytest.raises(ParameterError, match='is larger than 50 MB'):
        read_own_vehicle_mask(path)


@pytest.mark.parametrize('keep', [20, 40, -20])
def test_mask_that_is_cut_short_is_refused(keep: int, tmp_path: Path) -> None:
    path = png(tmp_path / 'mask.png', HOOD.astype(np.uint8))
    path.write_bytes(path.read_bytes()[:keep])

    with pytest.raises(ParameterError, match='is damaged'):
        read_own_vehicle_mask(path)
