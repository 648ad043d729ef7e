# SPDX-License-Identifier: Apache-2.0
"""Engines of TensorRT over stand-ins for CUDA and for NVIDIA's run time.

No GPU and no TensorRT run here: these tests show which calls are made, in which order, and what
becomes of their errors. ``test_tensorrt_builder`` runs NVIDIA's own builder.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Literal, TYPE_CHECKING

import pytest

from fake_tensorrt import runtime_of
from recorded_cuda import RecordedCuda
from seg_node.engines.tensorrt.engine import TensorRTEngine, TensorRTOptions
from seg_node.engines.tensorrt.engine_cache import EngineCache
import tiny

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from seg_node.bundle import Bundle

    Make = Callable[..., TensorRTEngine]


@pytest.fixture(params=['late', 'eager'])
def cuda(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> RecordedCuda:
    schedule: Literal['late', 'eager'] = request.param
    made = RecordedCuda(schedule)
    monkeypatch.setattr('seg_node.engines.tensorrt.cuda_device.find_runtime', lambda: made)
    return made


@pytest.fixture
def told(cuda: RecordedCuda, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Return what happens in the stand-in; engines are their own ONNX graphs."""

    def build(library: Any, onnx: bytes, *_: Any, **__: Any) -> bytes:
        del library
        state.builds += 1
        return onnx

    state = SimpleNamespace(engines=[], runs=[], refusals=[], changes=[], builds=0, old_driver='')
    monkeypatch.setattr('tensorrt_rtx.Runtime', runtime_of(cuda, state))
    monkeypatch.setattr('seg_node.engines.tensorrt.files.build_engine', build)
    return state


@pytest.fixture(scope='module')
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny.tiny_bundle(tmp_path_factory.mktemp('trt') / 'bundle')


@pytest.fixture
def make(
    bundle: Bundle, cuda: RecordedCuda, told: SimpleNamespace, tmp_path: Path
) -> Iterator[Make]:
    """Return a function that opens an engine in fp32 with an empty cache."""
    del told
    opened: list[TensorRTEngine] = []

    def open_one(**options: Any) -> TensorRTEngine:
        made = TensorRTEngine(
            bundle,
            precision='fp32',
            options=TensorRTOptions(**{'flavour': 'tensorrt_rtx', **options}),
            cache=EngineCache(tmp_path / 'cache'),
        )
        made.open()
        opened.append(made)
        return made

    yield open_one
    cuda.failures.clear()
    for one in opened:
        one.close()
