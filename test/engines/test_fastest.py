# SPDX-License-Identifier: Apache-2.0
"""A node's arithmetic on a CPU: int8 where it is quicker here and loses little, and why."""

from __future__ import annotations

from dataclasses import replace
import time
from typing import Any, TYPE_CHECKING

import pytest

from seg_node.bundle import INT8_CPU, open_bundle, write_bundle
from seg_node.engines import fastest
from seg_node.engines.fastest import open_fastest
from seg_node.engines.onnx_engine import OnnxEngine
from seg_node.engines.registry import engine_class, open_engine
from seg_node.engines.serving import open_for_serving
from seg_node.errors import EngineError
import tiny

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.bundle import Bundle

pytestmark = [pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

LITTLE: dict[str, Any] = {
    'int8': {INT8_CPU: {'lost': 0.06, 'data': 'yard val', 'held out': True}},
}


def bundle_of_two(
    folder: Path, quality: Mapping[str, Any] = LITTLE, precision: str = 'fp32'
) -> Bundle:
    """Write the tiny bundle with its network twice, in float under both names."""
    plain = tiny.tiny_bundle(folder / 'plain')
    manifest = replace(plain.manifest, quality=quality, precision=precision)
    files = dict.fromkeys(('model.onnx', INT8_CPU), plain.onnx_path)
    return write_bundle(folder / 'both', manifest, files)


class Timed(OnnxEngine):
    """Takes as long as it is told, and knows which engines are open."""

    seconds: Mapping[str, float] = {'fp32': 0.02, 'int8': 0.002}
    at_work: list[str] = []  # noqa: RUF012  # emptied for each test

    def _open(self) -> None:
        super()._open()
        self.at_work.append(self.precision)

    def _infer(self, batch: npt.NDArray[Any]) -> npt.NDArray[Any]:
        until = time.process_time() + self.seconds[self.precision]
        while time.process_time() < until:
            pass
        return super()._infer(batch)

    def _close(self) -> None:
        super()._close()
        if self.precision in self.at_work:
            self.at_work.remove(self.precision)


@pytest.fixture(autouse=True)
def _nothing_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Timed, 'at_work', [])


def test_int8_is_taken_where_it_is_faster_and_the_other_is_closed(tmp_path: Path) -> None:
    with open_fastest(Timed, bundle_of_two(tmp_path)) as engine:
        assert engine.described()['precision'] == 'int8'
        before, _, after = engine.reason.partition(' times the processor time of int8 here ')
        assert before.startswith('asked for by name. int8: fp32 takes ')
        assert after == (
            '(int8 where it is always 1.3 or more), which loses 0.06 points of mean IoU on yard '
            'val, held out from training.'
        )
        assert Timed.at_work == ['int8']


def test_fp32_stays_where_int8_is_hardly_faster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Timed, 'seconds', {'fp32': 0.02, 'int8': 0.02})

    with open_fastest(Timed, bundle_of_two(tmp_path)) as engine:
        assert engine.precision == 'fp32'
        assert 'times the processor time of int8 here (int8 where it is always' in engine.reason
        assert Timed.at_work == ['fp32']


@pytest.mark.parametrize(
    ('ratios', 'taken', 'words'),
    [
        ([2.0, 2.1, 1.9, 2.4, 1.31], 'int8', 'int8: fp32 takes 1.3 to 2.4 times'),
        ([2.0, 2.1, 1.2, 2.4, 2.2], 'fp32', 'fp32: fp32 takes 1.2 to 2.4 times'),
    ],
)
def test_int8_is_taken_only_where_every_round_speaks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ratios: list[float], taken: str, words: str
) -> None:
    monkeypatch.setattr(fastest, '_ratios', lambda *_: ratios)

    with open_fastest(Timed, bundle_of_two(tmp_path)) as engine:
        assert engine.precision == taken
        assert words in engine.reason


@pytest.mark.parametrize(
    ('quality', 'words'),
    [
        (
            {'int8': {INT8_CPU: {'lost': 0.7}}},
            'int8 loses 0.70 points of mean IoU, more than 0.25',
        ),
        ({'int8': {INT8_CPU: {'lost': float('nan')}}}, 'more than 0.25'),
        ({'int8': {INT8_CPU: {}}}, 'nobody has measured what int8 loses'),
        ({'int8': 'good'}, 'nobody has measured what int8 loses'),
        ({}, 'nobody has measured what int8 loses'),
        (
            {'int8': {INT8_CPU: {'lost': 0.06, 'data': 'yard val', 'speed': 2.21}}},
            'fp32: int8 was 2.2 times as fast where it was made, but loses 0.06 points of mean',
        ),
        (
            {'int8': {INT8_CPU: {'lost': 0, 'held out': False}}},
            'on data without a name, which nobody says was held out from training',
        ),
    ],
)
def test_fp32_stays_where_too_much_is_lost_or_nobody_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quality: dict[str, Any], words: str
) -> None:
    monkeypatch.setattr(Timed, 'seconds', {})  # would fail if it ran

    with open_fastest(Timed, bundle_of_two(tmp_path, quality)) as engine:
        assert engine.precision == 'fp32'
        assert words in engine.reason
        assert Timed.at_work == ['fp32']


def test_a_bundle_that_asks_for_int8_gets_it_without_a_measurement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Timed, 'seconds', {})  # would fail if it ran

    with open_fastest(Timed, bundle_of_two(tmp_path, {}, 'int8')) as engine:
        assert engine.precision == 'int8'
        assert engine.reason == 'asked for by name'


def test_a_bundle_without_int8_is_not_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Timed, 'seconds', {})

    with open_fastest(Timed, tiny.tiny_bundle(tmp_path / 'bundle')) as engine:
        assert (engine.precision, engine.reason) == ('fp32', 'asked for by name')


def test_int8_that_cannot_be_loaded_leaves_fp32_and_says_why(tmp_path: Path) -> None:
    bundle = bundle_of_two(tmp_path)
    (bundle.path / INT8_CPU).write_bytes(b'not a network')

    with open_fastest(Timed, bundle) as engine:
        assert engine.precision == 'fp32'
        assert 'int8 cannot be run here: ONNX Runtime' in engine.reason


def fail_in(precision: str, monkeypatch: pytest.MonkeyPatch, runs: int) -> None:
    """Let runs of this precision fail after some that work."""
    infer, left = Timed._infer, [runs]

    def failing(self: Timed, batch: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if self.precision == precision:
            left[0] -= 1
            if left[0] < 0:
                msg = 'The processor is on fire. Put it out.'
                raise EngineError(msg)
        return infer(self, batch)

    monkeypatch.setattr(Timed, '_infer', failing)


@pytest.mark.parametrize('runs', [0, 1])
def test_int8_that_cannot_be_run_leaves_fp32_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: int
) -> None:
    fail_in('int8', monkeypatch, runs)

    with open_fastest(Timed, bundle_of_two(tmp_path)) as engine:
        assert engine.precision == 'fp32'
        assert 'fp32: int8 cannot be run here: The processor is on fire.' in engine.reason
        assert Timed.at_work == ['fp32']


@pytest.mark.parametrize('runs', [0, 1])
def test_fp32_that_fails_while_measuring_is_an_error_and_closes_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: int
) -> None:
    fail_in('fp32', monkeypatch, runs)

    with pytest.raises(EngineError, match='on fire'):
        open_fastest(Timed, bundle_of_two(tmp_path))
    assert Timed.at_work == []


def test_an_interrupt_while_int8_is_opened_closes_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = Timed._open

    def interrupted(self: Timed) -> None:
        loaded(self)
        if self.precision == 'int8':
            raise KeyboardInterrupt

    monkeypatch.setattr(Timed, '_open', interrupted)

    with pytest.raises(KeyboardInterrupt):
        open_fastest(Timed, bundle_of_two(tmp_path))
    assert Timed.at_work == []


@pytest.mark.parametrize(('budget', 'rounds'), [(60.0, 5), (0.0, 2)])
def test_rounds_are_five_and_fewer_of_a_slow_network_but_never_one_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget: float, rounds: int
) -> None:
    monkeypatch.setattr(fastest, 'BUDGET_S', budget)
    runs: list[str] = []
    infer = Timed._infer

    def counted(self: Timed, batch: npt.NDArray[Any]) -> npt.NDArray[Any]:
        runs.append(self.precision)
        return infer(self, batch)

    monkeypatch.setattr(Timed, '_infer', counted)
    with open_fastest(Timed, bundle_of_two(tmp_path)):
        assert runs == ['fp32', 'int8'] * (1 + rounds)


def test_a_node_measures_and_a_command_does_what_the_bundle_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Figures of a command must not depend on the machine."""
    bundle = bundle_of_two(tmp_path)
    monkeypatch.setattr(fastest, '_ratios', lambda *_: [2.0])

    for name in ('auto', 'onnxruntime'):
        with open_for_serving(name, bundle) as engine:
            assert engine.precision == 'int8'
            assert 'fp32 takes 2.0 to 2.0 times the processor time' in engine.reason
        with open_engine(name, bundle) as engine:
            assert engine.precision == 'fp32'
    with open_for_serving('onnxruntime', bundle, precision='fp32') as engine:
        assert (engine.precision, engine.reason) == ('fp32', 'asked for by name')


@pytest.mark.parametrize(
    'name', ['onnxruntime', pytest.param('openvino', marks=pytest.mark.needs_openvino)]
)
def test_the_shipped_bundle_stays_in_fp32_because_its_network_was_trained_on_all_of_the_data(
    name: str,
) -> None:
    with open_fastest(engine_class(name), open_bundle('default')) as engine:
        assert engine.precision == 'fp32'
        assert 'int8 was 2.2 times as fast where it was made, but loses 0.06' in engine.reason
        assert 'on camvid val, which nobody says was held out from training' in engine.reason
