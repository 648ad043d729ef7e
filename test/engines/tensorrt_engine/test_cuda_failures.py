# SPDX-License-Identifier: Apache-2.0
"""Calls of CUDA that fail, each of them, while an engine is opened, runs or is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engines.tensorrt_engine.frames import ALL, images, SIZE
from seg_node.errors import DeviceError

if TYPE_CHECKING:
    from engines.tensorrt_engine.conftest import Make
    from recorded_cuda import RecordedCuda

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_tensorrt_rtx,
]

OPENING = [
    'cudaSetDevice',
    'cudaGetDeviceProperties',
    'cudaDriverGetVersion',
    'cudaRuntimeGetVersion',
    'cudaGetDeviceCount',
    'cudaStreamCreateWithFlags',
    'cudaEventCreateWithFlags',
    'cudaMalloc',
    'cudaHostAlloc',
    'cudaStreamSynchronize',
    'cudaMemcpyAsync',
]
RUNNING = [
    'cudaSetDevice',
    'cudaEventRecord',
    'cudaMemcpyAsync',
    'cudaStreamWaitEvent',
    'cudaGraphLaunch',
    'cudaEventSynchronize',
    'cudaEventElapsedTime',
]


@pytest.mark.parametrize('cuda', ['late'], indirect=True)
@pytest.mark.parametrize('number', [0, 1, 2])
@pytest.mark.parametrize('name', OPENING)
def test_every_failure_while_opening_is_an_error_and_frees_everything(
    make: Make, cuda: RecordedCuda, name: str, number: int
) -> None:
    cuda.failures[name] = (number, 1)
    try:
        make(image_size=SIZE)
    except DeviceError as err:
        assert f'{name} failed with error 1 of CUDA: words for 1' in str(err)  # noqa: PT017
        assert not err.sticky  # noqa: PT017
        assert cuda.live == {}
    else:
        assert cuda.count(name) <= number  # it is not called that often


@pytest.mark.parametrize('cuda', ['late'], indirect=True)
@pytest.mark.parametrize('name', RUNNING)
def test_every_failure_while_running_is_an_error_and_the_engine_has_to_be_opened_again(
    make: Make, cuda: RecordedCuda, name: str
) -> None:
    engine = make(image_size=SIZE)
    engine.segment(images(1), ALL)
    cuda.failures[name] = (cuda.count(name), 1)

    with pytest.raises(DeviceError, match=f'{name} failed') as caught:
        engine.segment(images(1), ALL)
    cuda.failures.clear()

    assert not caught.value.sticky
    engine.close()
    assert cuda.live == {}
    engine.open()
    assert len(engine.segment(images(1), ALL)) == 1


def test_after_a_failure_nothing_runs_any_more(make: Make, cuda: RecordedCuda) -> None:
    engine = make(image_size=SIZE)
    cuda.failures['cudaEventSynchronize'] = (0, 1)
    with pytest.raises(DeviceError):
        engine.segment(images(1), ALL)
    cuda.failures.clear()
    engine._flights.clear()
    launches = cuda.count('cudaGraphLaunch')

    with pytest.raises(DeviceError, match='cudaEventSynchronize failed'):
        engine.segment(images(1), ALL)

    assert cuda.count('cudaGraphLaunch') == launches


def test_closing_frees_what_it_can_even_if_the_gpu_cannot_be_chosen(
    make: Make, cuda: RecordedCuda
) -> None:
    engine = make(image_size=SIZE)
    cuda.failures['cudaSetDevice'] = (cuda.count('cudaSetDevice'), 1)

    with pytest.raises(DeviceError, match='cudaSetDevice failed'):
        engine.close()

    assert cuda.live == {}


def test_a_sticky_error_is_told_and_closing_does_not_fail_for_it(
    make: Make, cuda: RecordedCuda, caplog: pytest.LogCaptureFixture
) -> None:
    engine = make(image_size=SIZE)
    cuda.failures['cudaEventSynchronize'] = (0, 700)

    with pytest.raises(DeviceError, match='start it again') as caught:
        engine.segment(images(1), ALL)

    assert caught.value.sticky
    engine.close()
    assert 'does not free its memory' in caplog.text


def test_lack_of_memory_says_that_less_may_do(make: Make, cuda: RecordedCuda) -> None:
    cuda.failures['cudaMalloc'] = (3, 2)

    with pytest.raises(DeviceError, match='smaller batches') as caught:
        make(image_size=SIZE)

    assert caught.value.out_of_memory
    assert cuda.live == {}


def test_memory_is_unknown_and_closing_goes_on_once_the_driver_is_gone(
    make: Make, cuda: RecordedCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make(image_size=SIZE)
    monkeypatch.setattr('seg_node.engines.tensorrt.engine.MEMORY_INTERVAL_S', 0.0)
    cuda.failures['cudaMemGetInfo'] = (cuda.count('cudaMemGetInfo'), 100)
    assert engine.described()['gpu_memory'].startswith('unknown: cudaMemGetInfo failed')

    cuda.failures['cudaSetDevice'] = (cuda.count('cudaSetDevice'), 100)
    engine.close()
