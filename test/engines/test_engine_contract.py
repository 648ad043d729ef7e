# SPDX-License-Identifier: Apache-2.0
"""One suite for every engine: what the base class promises holds for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.engines.fake_engine import FakeEngine
from seg_node.engines.registry import engine_class
from seg_node.errors import EngineError, TensorMismatchError
import tiny

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.engines.base import Engine

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
    ]
)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    bundle = tiny.tiny_bundle(tmp_path / 'bundle')
    if request.param == 'fake':
        return FakeEngine(bundle, brightest_channel)
    return engine_class(request.param)(bundle, threads=1)


def batch_of(count: int, seed: int = 0) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 255, (count, 3, HEIGHT, WIDTH)).astype(np.float32)


def test_infer_refuses_to_run_before_it_is_opened(engine: Engine) -> None:
    with pytest.raises(EngineError, match='is not open'):
        engine.infer(batch_of(1))


def test_infer_refuses_to_run_after_it_is_closed(engine: Engine) -> None:
    with engine:
        engine.infer(batch_of(1))

    with pytest.raises(EngineError, match='is not open'):
        engine.infer(batch_of(1))


def test_opening_and_closing_twice_does_no_harm(engine: Engine) -> None:
    engine.open()
    engine.open()
    scores = engine.infer(batch_of(1))
    engine.close()
    engine.close()

    assert scores.shape == (1, 3, HEIGHT // 2, WIDTH // 2)


def test_an_engine_can_be_opened_again(engine: Engine) -> None:
    with engine:
        first = engine.infer(batch_of(1))
    with engine:
        second = engine.infer(batch_of(1))

    assert np.array_equal(first, second)


@pytest.mark.parametrize('count', [1, 3])
def test_scores_agree_with_the_definition(engine: Engine, count: int) -> None:
    batch = batch_of(count)

    with engine:
        scores = engine.infer(batch)

    # The network averages 16 float32 levels up to 255 and multiplies: 1e-4 is rounding.
    np.testing.assert_allclose(scores, brightest_channel(batch), atol=1e-4)


def test_result_survives_the_next_call(engine: Engine) -> None:
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
    engine: Engine, batch: npt.NDArray[np.float32]
) -> None:
    with (
        engine,
        pytest.raises(TensorMismatchError, match=r'\(N, 3, 48, 64\) float32, got \(') as info,
    ):
        engine.infer(batch)

    assert str(batch.shape) in info.value.got


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
