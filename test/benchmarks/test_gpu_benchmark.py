# SPDX-License-Identifier: Apache-2.0
"""The benchmark of GPUs, as far as it can be tried without one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')
pytest.importorskip('torch')

from onnx import helper, numpy_helper, save, TensorProto

from seg_node.bundle import open_bundle
from seg_node.engines.torch_cuda.engine import TorchCudaEngine
import tiny

if TYPE_CHECKING:
    from types import ModuleType

pytestmark = [pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime, pytest.mark.needs_torch]
BENCHMARKS = Path(__file__).parents[2] / 'benchmarks'
GOOD = {'labels': 1.0, 'close': 0.9995, 'largest': 9.0}
QUICK = {'engine': 1.0, 'latency': 1.5, 'latency_p95': 1.6, 'period': 1.05, 'around': 0.1}


@pytest.fixture
def judgement(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from measuring.gpu import judgement as module  # noqa: PLC0415  # found by the path

    return module


def missed(judgement: ModuleType, **changes: float) -> list[str]:
    found = {**GOOD, **{k: v for k, v in changes.items() if k in GOOD}}
    times = {**QUICK, **{k: v for k, v in changes.items() if k in QUICK}}
    least = changes.get('least', 0.4) * 1e-3
    judged = judgement.bars('torch', 'fp16', found, times, least)
    return [one['what'].removeprefix('torch: ') for one in judged if not one['met']]


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        ({}, []),
        ({'close': 0.998}, ['pixels within 2 levels']),
        ({'largest': 17.0}, ['largest difference [levels]']),
        ({'latency': 1.7}, ['latency [ms]']),
        ({'period': 1.2}, ['rate of a stream / of the engine']),
        ({'around': 0.31}, ['processor time around the engine [ms]']),
        ({'least': 0.2}, ['engine / roofline']),
    ],
    ids=lambda value: '-'.join(value) if isinstance(value, dict) else '',
)
def test_each_bar_is_judged(
    judgement: ModuleType, changes: dict[str, float], words: list[str]
) -> None:
    assert missed(judgement, **changes) == words


def test_engine_on_a_gpu_of_unknown_peak_misses_the_roofline(judgement: ModuleType) -> None:
    judged = judgement.bars('torch', 'fp16', GOOD, QUICK, None)

    assert [(one['what'], one['value']) for one in judged if not one['met']] == [
        ('torch: engine / roofline', None)
    ]


@pytest.mark.parametrize(
    ('result', 'plain', 'checked'),
    [
        ({'builds': []}, 0, 1),
        ({'engines': {}}, 0, 1),
        ({'builds': [{'error': ''}]}, 0, 0),
        ({'builds': [{'error': 'refused'}]}, 1, 1),
        ({'engines': {'torch': {}}, 'bars': [{'met': True}]}, 0, 0),
        ({'engines': {'torch': {}}, 'bars': [{'met': False}]}, 0, 1),
    ],
)
def test_check_fails_if_a_bar_is_missed_or_nothing_was_done(
    judgement: ModuleType, result: dict[str, Any], plain: int, checked: int
) -> None:
    del judgement  # it has made the folder known
    import bench_gpu  # noqa: PLC0415  # found by the path

    whole = {'bars': [], **result}
    assert bench_gpu.status_of(whole, check=False) == plain
    assert bench_gpu.status_of(whole, check=True) == checked


def test_engine_is_compared_and_timed(
    judgement: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    from measuring.gpu import timing as gpu_timing  # noqa: PLC0415  # found by the path

    monkeypatch.setattr(gpu_timing, 'WARM_UPS', 1)
    default = open_bundle('default')
    image, _ = tiny.scene((90, 120))

    with TorchCudaEngine(default, precision='fp32', device='cpu') as engine:
        found = judgement.agreement(engine, default, [image])
        times = gpu_timing.measure(engine, [image], judgement.LIMITS, rounds=2)

    assert found['labels'] > 0.999
    assert found['largest'] <= 2
    assert 0 < times['engine'] < times['latency']
    assert 0 < times['around'] < times['within']
    assert engine.segment.__func__ is type(engine).segment  # type: ignore[attr-defined]


@pytest.mark.usefixtures('judgement')
def test_roofline_is_the_sum_of_the_limits_of_all_layers(tmp_path: Path) -> None:
    from measuring.gpu.roofline import Peak, roofline  # noqa: PLC0415  # found by the path

    values = [
        numpy_helper.from_array(np.zeros((8, 3, 3, 3), np.float32), 'w'),
        numpy_helper.from_array(np.zeros((8, 2, 2, 2), np.float32), 'v'),
    ]
    nodes = [
        helper.make_node('Conv', ['image', 'w'], ['x'], pads=[1, 1, 1, 1]),
        helper.make_node('Relu', ['x'], ['y']),
        helper.make_node('ConvTranspose', ['y', 'v'], ['scores'], strides=[2, 2]),
    ]
    image = helper.make_tensor_value_info('image', TensorProto.FLOAT, ['n', 3, 10, 20])
    scores = helper.make_tensor_value_info('scores', TensorProto.FLOAT, ['n', 2, 20, 40])
    model = helper.make_model(helper.make_graph(nodes, 'net', [image], [scores], values))
    save(model, tmp_path / 'net.onnx')

    by_arithmetic = roofline(tmp_path / 'net.onnx', Peak(1.0, 1e30, ''))
    by_memory = roofline(tmp_path / 'net.onnx', Peak(1e30, 1.0, ''))

    assert by_arithmetic == 2 * (10 * 20 * 8 * 27 + 10 * 20 * 8 * 8)
    assert by_memory == 2 * (3 * 200 + 8 * 27 + 8 * 200 + 8 * 200 + 8 * 8 + 2 * 800)
