# SPDX-License-Identifier: Apache-2.0
"""TensorRT as a standby sees it, built by NVIDIA's own builder in a process of its own."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from fake_tensorrt import runtime_of
from recorded_cuda import RecordedCuda
from seg_node.cli.main import main
from seg_node.engines.base import Wanted
from seg_node.engines.deployed_spec import DeployedSpec
from seg_node.engines.serving import open_for_serving
from seg_node.engines.standby import context as gpu_context
from seg_node.engines.standby.backend import GpuError, GpuPlan
from seg_node.engines.standby.build_process import BuildJob, BuildProcess
from seg_node.engines.standby.engine import StandbyEngine
from seg_node.engines.tensorrt import backend as tensorrt_backend
from seg_node.engines.tensorrt.backend import TensorRTBackend
from seg_node.errors import EngineUnavailableError
import tiny

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.bundle import Bundle

pytestmark = [pytest.mark.needs_onnx, pytest.mark.needs_tensorrt_rtx]

PLAN = GpuPlan((64, 80), 'fp16')
TIMEOUT_S = 60.0


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """A bundle, and an empty cache of engines."""
    monkeypatch.setenv('SEG_NODE_CACHE', str(tmp_path / 'cache'))
    return tiny.tiny_bundle(tmp_path / 'bundle')


def job(bundle: Bundle, plan: GpuPlan = PLAN) -> BuildJob:
    return BuildJob('seg_node.engines.tensorrt.backend:TensorRTBackend', bundle.path, plan)


@pytest.mark.parametrize('precision', ['fp16', 'fp32'])
@pytest.mark.parametrize('frugal', [False, True])
def test_process_builds_the_engine_that_the_node_looks_for(
    precision: str,
    frugal: bool,  # noqa: FBT001  # a parameter of the test
    bundle: Bundle,
) -> None:
    plan = GpuPlan((64, 80), precision, frugal)
    backend = TensorRTBackend()
    assert not backend.is_built(bundle, plan)
    shares: list[float] = []

    BuildProcess(job(bundle, plan), 60.0).run(shares.append)

    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len(shares) > 5
    assert backend.is_built(bundle, plan)
    for other in (GpuPlan((64, 80), precision, not frugal), GpuPlan((64, 81), precision, frugal)):
        assert not backend.is_built(bundle, other)


def test_engine_of_the_command_is_the_one_that_the_node_looks_for(bundle: Bundle) -> None:
    status = main(['build-engine', str(bundle.path), '--size', '80x64', '--precision', 'fp16'])

    assert status == 0
    assert TensorRTBackend().is_built(bundle, PLAN)


def test_cache_that_cannot_be_written_to_is_a_fault_of_the_disk(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'file').write_text('no folder', encoding='utf-8')
    monkeypatch.setenv('SEG_NODE_CACHE', str(tmp_path / 'file' / 'cache'))

    with pytest.raises(GpuError) as caught:
        BuildProcess(job(bundle), 60.0).run(lambda _: None)

    assert caught.value.kind == 'disk'
    assert str(tmp_path / 'file') in str(caught.value)


def test_machine_without_a_driver_is_refused_before_anything_is_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tensorrt_backend, 'DRIVER', 'libnocuda.so.1')

    with pytest.raises(EngineUnavailableError, match=r'no NVIDIA driver here \(libnocuda'):
        TensorRTBackend().device()


@pytest.fixture
def cuda(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> RecordedCuda:
    """A stand-in for the GPU; engines in the cache are NVIDIA's, those that run ONNX graphs."""
    from seg_node.engines.graft import deployed_onnx  # noqa: PLC0415  # needs onnx

    made = RecordedCuda()
    state = SimpleNamespace(engines=[], runs=[], refusals=[], changes=[], builds=0, old_driver='')
    spec = DeployedSpec(image_size=PLAN.image_size, precision='fp32')
    onnx = deployed_onnx(bundle, spec)
    kind: Any = runtime_of(made, state)

    class Runtime(kind):  # type: ignore[misc]  # made at run time
        """Runs the graph that the engine was built from."""

        def deserialize_cuda_engine(self, data: bytes) -> Any:
            """Return the engine."""
            assert data.startswith(b'vtrt')
            return super().deserialize_cuda_engine(onnx)

    monkeypatch.setattr('seg_node.engines.tensorrt.cuda_device.find_runtime', lambda: made)
    monkeypatch.setattr('tensorrt_rtx.Runtime', Runtime)
    monkeypatch.setattr(tensorrt_backend, 'DRIVER', 'libc.so.6')
    monkeypatch.setattr(gpu_context, '_causes', [])
    monkeypatch.setattr(gpu_context, '_abandoned', [])
    return made


@pytest.mark.needs_onnxruntime
def test_standby_goes_from_the_cpu_to_the_engine_and_back_when_the_gpu_is_lost(
    bundle: Bundle, cuda: RecordedCuda
) -> None:
    image = tiny.scene(PLAN.image_size)[0]
    wanted = Wanted(planes=(1,), drivable=(0.5, 0.5))
    with open_for_serving('tensorrt', bundle, precision='fp32') as engine:
        assert isinstance(engine, StandbyEngine)
        engine.start()
        by_cpu = engine.segment([image], wanted)[0]
        deadline = time.monotonic() + TIMEOUT_S
        while engine.gpu != 'in use':
            assert time.monotonic() < deadline, engine.described()
            assert engine.segment([image], wanted)[0].maps.labels is not None
        by_gpu = engine.segment([image], wanted)[0]
        assert engine.described()['engine'] == 'tensorrt'
        assert 'Stand-in GPU' in engine.described()['device']

        cuda.failures['cudaEventSynchronize'] = (cuda.count('cudaEventSynchronize'), 700)
        after = engine.segment([image], wanted)[0]
        calls = len(cuda.calls)
        for _ in range(3):
            engine.segment([image], wanted)
        assert engine.described()['engine'] == 'onnxruntime'
        assert engine.trouble.endswith('Restart the node to use the GPU again.')

    assert len(cuda.calls) == calls
    for one in (by_gpu, after):
        assert np.array_equal(one.maps.labels, by_cpu.maps.labels)
        assert np.array_equal(one.maps.planes[1], by_cpu.maps.planes[1])
