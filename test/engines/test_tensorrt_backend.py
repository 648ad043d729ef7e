# SPDX-License-Identifier: Apache-2.0
"""TensorRT as a standby sees it, built by NVIDIA's own builder in a process of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seg_node.cli.main import main
from seg_node.engines import tensorrt_backend
from seg_node.engines.build_process import BuildJob, BuildProcess
from seg_node.engines.gpu_backend import GpuError, GpuPlan
from seg_node.engines.tensorrt_backend import TensorRTBackend
from seg_node.errors import EngineUnavailableError
import tiny

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.bundle import Bundle

pytestmark = [pytest.mark.needs_onnx, pytest.mark.needs_tensorrt_rtx]

PLAN = GpuPlan((64, 80), 'fp16')


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """A bundle, and an empty cache of engines."""
    monkeypatch.setenv('SEG_NODE_CACHE', str(tmp_path / 'cache'))
    return tiny.tiny_bundle(tmp_path / 'bundle')


def job(bundle: Bundle, plan: GpuPlan = PLAN) -> BuildJob:
    return BuildJob('seg_node.engines.tensorrt_backend:TensorRTBackend', bundle.path, plan)


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
