# SPDX-License-Identifier: Apache-2.0
"""One suite for every engine: what the base class promises holds for each of them."""

from __future__ import annotations

import tracemalloc
from typing import cast, TYPE_CHECKING

import numpy as np
import pytest

from seg_node.engines.base import Wanted
from seg_node.engines.fake_engine import FakeEngine
from seg_node.engines.registry import engine_class
from seg_node.errors import EngineError, TensorMismatchError
from seg_node.imaging import finish, Fitter
import tiny

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.engines.base import ScoreEngine

pytestmark = pytest.mark.needs_onnx

HEIGHT, WIDTH = tiny.SIZE


def brightest_channel(batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Compute in numpy what the tiny network computes, the obvious way."""
    count = len(batch)
    blocks = batch.reshape(count, 3, HEIGHT // 4, 4, WIDTH // 4, 4).mean(axis=(3, 5))
    scores = np.repeat(np.repeat(blocks, 2, axis=2), 2, axis=3) * tiny.GAIN
    return scores.astype(np.float32)


@pytest.fixture(
    params=[
        'fake',
        pytest.param('onnxruntime', marks=pytest.mark.needs_onnxruntime),
        pytest.param('openvino', marks=pytest.mark.needs_openvino),
    ]
)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> ScoreEngine:
    bundle = tiny.tiny_bundle(tmp_path / 'bundle')
    if request.param == 'fake':
        return FakeEngine(bundle, brightest_channel)
    return cast('ScoreEngine', engine_class(request.param)(bundle, threads=1))


def batch_of(count: int, seed: int = 0) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 255, (count, 3, HEIGHT, WIDTH)).astype(np.float32)


def test_infer_refuses_to_run_before_it_is_opened(engine: ScoreEngine) -> None:
    with pytest.raises(EngineError, match='is not open'):
        engine.infer(batch_of(1))


def test_infer_refuses_to_run_after_it_is_closed(engine: ScoreEngine) -> None:
    with engine:
        engine.infer(batch_of(1))

    with pytest.raises(EngineError, match='is not open'):
        engine.infer(batch_of(1))


def test_opening_and_closing_twice_does_no_harm(engine: ScoreEngine) -> None:
    engine.open()
    engine.open()
    scores = engine.infer(batch_of(1))
    engine.close()
    engine.close()

    assert scores.shape == (1, 3, HEIGHT // 2, WIDTH // 2)


def test_an_engine_can_be_opened_again(engine: ScoreEngine) -> None:
    with engine:
        first = engine.infer(batch_of(1))
    with engine:
        second = engine.infer(batch_of(1))

    assert np.array_equal(first, second)


@pytest.mark.parametrize('count', [1, 3])
def test_scores_agree_with_the_definition(engine: ScoreEngine, count: int) -> None:
    batch = batch_of(count)

    with engine:
        scores = engine.infer(batch)

    # The network averages 16 float32 levels up to 255 and multiplies: 1e-4 is rounding.
    np.testing.assert_allclose(scores, brightest_channel(batch), atol=1e-4)


def test_result_survives_the_next_call(engine: ScoreEngine) -> None:
    with engine:
        first = engine.infer(batch_of(1, seed=1))
        copy = first.copy()
        engine.infer(batch_of(1, seed=2))

    assert np.array_equal(first, copy)


@pytest.mark.parametrize(
    'batch',
    [
        np.zeros((1, 3, HEIGHT, WIDTH + 4), np.float32),
        np.zeros((1, 3, HEIGHT, WIDTH), np.float64),
        np.zeros((3, HEIGHT, WIDTH), np.float32),
        np.zeros((1, HEIGHT, WIDTH, 3), np.float32),
    ],
    ids=['size', 'dtype', 'no-batch', 'channels-last'],
)
def test_infer_names_both_shapes_when_the_input_does_not_fit(
    engine: ScoreEngine, batch: npt.NDArray[np.float32]
) -> None:
    with (
        engine,
        pytest.raises(TensorMismatchError, match=r'\(N, 3, 48, 64\) float32, got \(') as info,
    ):
        engine.infer(batch)

    assert str(batch.shape) in info.value.got


@pytest.mark.parametrize('size', [(HEIGHT, WIDTH), (91, 60)], ids=['of-network', 'other'])
def test_segment_gives_what_imaging_makes_of_the_scores(
    engine: ScoreEngine, size: tuple[int, int]
) -> None:
    images = [tiny.scene(size, seed)[0] for seed in range(2)]

    with engine:
        found = engine.segment(images, Wanted(planes=(2,), scores=True))

    for image, one in zip(images, found, strict=True):
        batch, placement = Fitter(engine.bundle.manifest.input)(image)
        expected = finish(brightest_channel(batch)[0], placement, planes=(2,))
        assert one.scores is not None
        np.testing.assert_allclose(one.scores, brightest_channel(batch)[0], atol=1e-4)
        assert one.placement == placement
        assert (one.maps.labels == expected.labels).mean() > 0.999
        for got, wanted in (
            (one.maps.confidence, expected.confidence),
            (one.maps.entropy, expected.entropy),
            (one.maps.planes[2], expected.planes[2]),
        ):
            assert got is not None
            assert wanted is not None
            np.testing.assert_allclose(got.astype(int), wanted.astype(int), atol=1)
        assert set(one.times) == {'fit', 'infer', 'finish'}


def test_segment_leaves_out_what_nobody_wants(engine: ScoreEngine) -> None:
    image, _ = tiny.scene()

    with engine:
        (found,) = engine.segment([image], Wanted(confidence=False, entropy=False))

    assert (found.maps.confidence, found.maps.entropy, found.scores) == (None, None, None)
    assert not found.maps.planes


def test_drivable_area_is_given_or_what_it_is_made_of(engine: ScoreEngine) -> None:
    image, _ = tiny.scene()
    wanted = Wanted(confidence=False, entropy=False, drivable=(0.5, 0.5))

    with engine:
        (found,) = engine.segment([image], wanted)

    given = found.drivable_area is not None
    assert given or (found.maps.confidence is not None and found.maps.entropy is not None)


@pytest.mark.parametrize(
    'images',
    [
        [],
        [np.zeros((8, 8), np.uint8)],
        [np.zeros((0, 8, 3), np.uint8)],
        [np.zeros((8, 8, 3), np.float32)],
        [np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)],
    ],
    ids=['none', 'grey', 'empty', 'float', 'sizes'],
)
def test_segment_refuses_what_are_no_images_of_one_size(
    engine: ScoreEngine, images: list[npt.NDArray[np.uint8]]
) -> None:
    with engine, pytest.raises(TensorMismatchError, match='RGB images of one size'):
        engine.segment(images, Wanted())


def test_a_frame_allocates_what_is_handed_out_and_nothing_else(engine: ScoreEngine) -> None:
    """Fitting, network and post-processing work in arrays of the frame before."""
    image, _ = tiny.scene((360, 480))
    wanted = Wanted(planes=(1,), drivable=(0.5, 0.5))
    if isinstance(engine, FakeEngine):
        scores = brightest_channel(batch_of(1))
        engine = FakeEngine(engine.bundle, lambda _: scores)

    with engine:
        engine.segment([image], wanted)
        tracemalloc.start()
        try:
            (found,) = engine.segment([image], wanted)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    maps = found.maps
    handed_out = (maps.labels, maps.confidence, maps.entropy, maps.planes[1], maps.drivable_area)
    assert peak - sum(one.nbytes for one in handed_out if one is not None) < 10_000


def test_cameras_of_different_sizes_that_take_turns_share_nothing_and_allocate_nothing(
    engine: ScoreEngine,
) -> None:
    images = [tiny.scene(size)[0] for size in ((360, 480), (240, 500))]
    wanted = Wanted(confidence=False, entropy=False)
    if isinstance(engine, FakeEngine):
        scores = brightest_channel(batch_of(1))
        engine = FakeEngine(engine.bundle, lambda _: scores)

    with engine:
        alone = [engine.segment([image], wanted)[0].maps.labels for image in images]
        tracemalloc.start()
        try:
            found = [engine.segment([image], wanted)[0].maps.labels for image in images]
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert all(np.array_equal(*pair) for pair in zip(found, alone, strict=True))
    assert peak - sum(one.nbytes for one in found) < 10_000


def test_pictures_of_many_sizes_do_not_pile_up_buffers(engine: ScoreEngine) -> None:
    with engine:
        for width in range(60, 100):
            engine.segment([tiny.scene((48, width))[0]], Wanted())

    assert engine._fitters is not None
    assert len(engine._fitters) <= 8


def test_network_reads_and_writes_the_same_arrays_for_every_frame(
    engine: ScoreEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    original = engine._infer

    def spy(batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        scores = original(batch)
        seen.append((batch.ctypes.data, scores.ctypes.data))
        return scores

    monkeypatch.setattr(engine, '_infer', spy)
    with engine:
        for seed in range(3):
            engine.segment([tiny.scene(seed=seed)[0]], Wanted(scores=True))

    assert len({batch for batch, _ in seen}) == 1
    if not isinstance(engine, FakeEngine):  # its function may give what it likes
        assert engine._scores is not None
        assert {scores for _, scores in seen} == {engine._scores.ctypes.data}


def test_scores_that_were_asked_for_survive_the_next_frame(engine: ScoreEngine) -> None:
    with engine:
        (first,) = engine.segment([tiny.scene(seed=1)[0]], Wanted(scores=True))
        kept = np.array(first.scores)
        engine.segment([tiny.scene(seed=2)[0]], Wanted(scores=True))

    assert np.array_equal(np.asarray(first.scores), kept)


def test_a_batch_that_is_not_contiguous_is_read_right(engine: ScoreEngine) -> None:
    batch = batch_of(2)
    turned = np.asfortranarray(batch)

    with engine:
        np.testing.assert_allclose(engine.infer(turned), engine.infer(batch), atol=1e-4)


def test_segment_refuses_to_run_before_it_is_opened(engine: ScoreEngine) -> None:
    with pytest.raises(EngineError, match='is not open'):
        engine.segment([tiny.scene()[0]], Wanted())


def test_engine_says_what_runs_and_why(engine: ScoreEngine) -> None:
    with engine:
        words = engine.described()

    assert words == {
        'engine': engine.name,
        'device': engine.device,
        'precision': 'fp32',
        'reason': 'asked for by name',
    }


class HalfOpen(FakeEngine):
    """Takes something, and fails before it is open."""

    held = 0

    def _open(self) -> None:
        self.held += 1
        msg = 'The second half is not here. Bring it.'
        raise EngineError(msg)

    def _close(self) -> None:
        self.held -= 1


def test_an_engine_that_fails_to_open_lets_go_of_what_it_took(tmp_path: Path) -> None:
    engine = HalfOpen(tiny.tiny_bundle(tmp_path / 'bundle'))

    with pytest.raises(EngineError, match='second half'):
        engine.open()

    assert engine.held == 0
    engine.close()
    assert engine.held == 0


def test_threads_below_one_are_refused(tmp_path: Path) -> None:
    bundle = tiny.tiny_bundle(tmp_path / 'bundle')

    with pytest.raises(ValueError, match='at least 1, but got 0'):
        FakeEngine(bundle, threads=0)
