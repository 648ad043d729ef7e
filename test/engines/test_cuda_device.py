# SPDX-License-Identifier: Apache-2.0
"""The layer over ``cuda-python``: with a stand-in, and with the real one without a driver."""

from __future__ import annotations

from contextlib import ExitStack
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from recorded_cuda import RecordedCuda
from seg_node.engines.tensorrt.cuda_device import CudaDevice, find_runtime, STICKY
from seg_node.engines.tensorrt.pinned_pool import PinnedPool
from seg_node.errors import DeviceError, EngineUnavailableError

STICKY_NAMES = {
    'cudaErrorIllegalAddress',
    'cudaErrorLaunchTimeout',
    'cudaErrorContextIsDestroyed',
    'cudaErrorAssert',
    'cudaErrorHardwareStackError',
    'cudaErrorIllegalInstruction',
    'cudaErrorMisalignedAddress',
    'cudaErrorInvalidAddressSpace',
    'cudaErrorInvalidPc',
    'cudaErrorLaunchFailure',
    'cudaErrorTensorMemoryLeak',
    'cudaErrorECCUncorrectable',
    'cudaErrorNvlinkUncorrectable',
    'cudaErrorContained',
    'cudaErrorCudartUnloading',
    'cudaErrorUnknown',
}


@pytest.fixture
def cuda() -> RecordedCuda:
    return RecordedCuda()


@pytest.fixture
def device(cuda: RecordedCuda) -> CudaDevice:
    return CudaDevice(runtime=cuda)


def test_the_gpu_is_described_by_what_engines_depend_on(device: CudaDevice) -> None:
    assert device.info.title == 'Stand-in GPU (8.9)'
    assert device.info.driver == '13.1'
    assert device.info.runtime == '12.6'
    assert device.memory() == (6 << 30, 8 << 30)


def test_a_gpu_that_is_not_there_is_said_to_be_absent(cuda: RecordedCuda) -> None:
    with pytest.raises(EngineUnavailableError, match='no GPU 3: CUDA sees 1'):
        CudaDevice(3, runtime=cuda)


@pytest.mark.parametrize('code', [35, 100, 803])
def test_without_a_driver_or_gpu_the_engine_is_unavailable(cuda: RecordedCuda, code: int) -> None:
    cuda.failures['cudaGetDeviceCount'] = (0, code)

    with pytest.raises(EngineUnavailableError, match=f'error {code} of CUDA: words for {code}'):
        CudaDevice(runtime=cuda)


def test_gpu_that_others_occupy_is_a_fault_that_passes(cuda: RecordedCuda) -> None:
    cuda.failures['cudaGetDeviceCount'] = (0, 46)

    with pytest.raises(DeviceError, match='error 46 of CUDA') as caught:
        CudaDevice(runtime=cuda)

    assert not caught.value.sticky


@pytest.mark.needs_cuda_python
def test_the_sticky_codes_are_those_of_cuda() -> None:
    errors = find_runtime().cudaError_t
    known = {one.name: int(one) for one in errors if one.name in STICKY_NAMES}

    later = {721} if len(known) < len(STICKY_NAMES) else set()  # older ones lack the newest name
    assert set(known.values()) == STICKY - later


@pytest.mark.parametrize('code', sorted(STICKY))
def test_a_sticky_error_says_that_the_process_has_to_start_again(
    device: CudaDevice, cuda: RecordedCuda, code: int
) -> None:
    cuda.failures['cudaMemGetInfo'] = (0, code)

    with pytest.raises(DeviceError, match='start it again') as caught:
        device.memory()

    assert caught.value.sticky
    assert not caught.value.out_of_memory


@pytest.mark.parametrize('code', [1, 401, 600, 801, 901])
def test_other_errors_are_not_sticky(device: CudaDevice, cuda: RecordedCuda, code: int) -> None:
    cuda.failures['cudaMemGetInfo'] = (0, code)

    with pytest.raises(DeviceError) as caught:
        device.memory()

    assert not caught.value.sticky


def test_a_failed_capture_leaves_the_stream_usable(device: CudaDevice, cuda: RecordedCuda) -> None:
    with ExitStack() as owner:
        stream = device.stream(owner)

        def fail() -> None:
            msg = 'not here'
            raise DeviceError(msg)

        with pytest.raises(DeviceError, match='not here'):
            device.capture(owner, stream, fail)
        assert 'graph' not in cuda.live.values()
        graph = device.capture(owner, stream, lambda: None)
        device.launch(graph, stream)

    assert cuda.names().count('cudaStreamEndCapture') == 2
    assert [kind for kind in cuda.live.values() if kind != 'graph'] == []


def test_resources_are_freed_in_reverse_order_even_if_one_of_them_refuses(
    device: CudaDevice, cuda: RecordedCuda
) -> None:
    cuda.failures['cudaEventDestroy'] = (0, 1)
    owner = ExitStack()
    device.stream(owner)
    device.event(owner)
    device.allocate(owner, 16)

    with pytest.raises(DeviceError, match='cudaEventDestroy'):
        owner.close()

    assert cuda.names()[-4:-1] == ['cudaFree', 'cudaEventDestroy', 'cudaGetErrorString']
    assert list(cuda.live.values()) == ['event']


def test_pinned_blocks_are_used_again_and_never_too_many(
    device: CudaDevice, cuda: RecordedCuda
) -> None:
    pool = PinnedPool(device, 64, 2)
    first = pool.lend(pool.take())
    second = pool.take()
    assert not pool.can_lend

    del first

    assert pool.can_lend
    pool.give_back(second)
    pool.close()
    assert cuda.live == {}
    assert cuda.count('cudaHostAlloc') == 2


def test_what_is_lent_outlives_the_pool_and_is_freed_by_its_last_view(
    device: CudaDevice, cuda: RecordedCuda
) -> None:
    pool = PinnedPool(device, 64, 2)
    lent = pool.lend(pool.take())
    lent[:] = 7
    pool.close()
    view = lent[8:16].view(np.uint16)
    del lent

    assert list(view) == [0x0707] * 4
    del view
    assert cuda.live == {}


def test_an_older_cuda_python_is_found_by_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    older = ModuleType('cuda.cudart')
    monkeypatch.setitem(sys.modules, 'cuda', ModuleType('cuda'))
    monkeypatch.setitem(sys.modules, 'cuda.bindings', None)
    monkeypatch.setitem(sys.modules, 'cuda.bindings.runtime', None)
    monkeypatch.setitem(sys.modules, 'cuda.cudart', older)

    assert find_runtime() is older


def test_without_cuda_python_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('cuda', 'cuda.bindings', 'cuda.bindings.runtime', 'cuda.cudart'):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(EngineUnavailableError, match='pip install cuda-python'):
        find_runtime()


def real_runtime_without_driver() -> Any:
    """Return the real library, or skip where calls with made-up handles would reach a GPU."""
    runtime = find_runtime()
    if int(runtime.cudaGetDeviceCount()[0]) == 0:
        pytest.skip('a GPU is here; it must not get made-up handles')
    return runtime


@pytest.mark.needs_cuda_python
def test_the_real_library_without_a_driver_makes_the_engine_unavailable() -> None:
    real_runtime_without_driver()

    with pytest.raises(EngineUnavailableError, match='Install or update the driver'):
        CudaDevice()


@pytest.mark.needs_cuda_python
def test_the_real_library_takes_every_call_as_it_is_made(
    device: CudaDevice, cuda: RecordedCuda
) -> None:
    """Arguments are converted before a driver is asked for: a wrong one would be a TypeError."""
    real = real_runtime_without_driver()
    with ExitStack() as owner:
        stream, event = device.stream(owner), device.event(owner)
        memory, pinned = device.allocate(owner, 16), device.allocate_pinned(16)
        device.copy_in(memory, pinned, 16, stream)
        device.copy_out(pinned, memory, 16, stream)
        device.record(event, stream)
        device.let_wait(stream, event)
        device.wait(event)
        device.wait_for_stream(stream)
        device.seconds(event, event)
        device.launch(device.capture(owner, stream, lambda: None), stream)
        device.memory()
        device.free_pinned(pinned)
    kinds, modes = real.cudaMemcpyKind, real.cudaStreamCaptureMode
    values = {
        'in': kinds.cudaMemcpyHostToDevice,
        'out': kinds.cudaMemcpyDeviceToHost,
        'thread': modes.cudaStreamCaptureModeThreadLocal,
    }

    for name, args, count in cuda.calls:
        given = getattr(real, name)(*(values.get(one, one) for one in args))
        assert int(given[0]) in (0, 35), name
        assert len(given) == count, name

    assert len(set(cuda.names())) >= 25
