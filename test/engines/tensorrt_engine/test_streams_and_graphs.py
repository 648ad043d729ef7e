# SPDX-License-Identifier: Apache-2.0
"""What is queued for a frame: copies, waits between streams, CUDA graphs, ranges for profilers."""

from __future__ import annotations

from contextlib import contextmanager
import sys
from types import SimpleNamespace
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from engines.tensorrt_engine.frames import ALL, images, SIZE
from seg_node.engines.base import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from engines.tensorrt_engine.conftest import Make
    from recorded_cuda import RecordedCuda

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_tensorrt_rtx,
]


def test_a_frame_is_copied_computed_and_copied_back_in_streams_that_wait(
    make: Make, cuda: RecordedCuda
) -> None:
    engine = make(image_size=SIZE)
    frame = images(1)[0]
    engine.segment([frame], Wanted(confidence=False, entropy=False))
    cuda.calls.clear()

    engine.segment([frame], Wanted(confidence=False, entropy=False))

    calls = [call for call in cuda.calls if call.name != 'cudaEventElapsedTime']
    assert [call.name for call in calls] == [
        'cudaSetDevice',
        'cudaEventRecord',
        'cudaMemcpyAsync',  # the image
        'cudaMemcpyAsync',  # the thresholds, once in each slot
        'cudaEventRecord',
        'cudaStreamWaitEvent',
        'cudaEventRecord',
        'cudaGraphLaunch',
        'cudaEventRecord',
        'cudaStreamWaitEvent',
        'cudaMemcpyAsync',  # the labels
        'cudaEventRecord',
        'cudaSetDevice',
        'cudaEventSynchronize',
    ]
    copy_in, compute, copy_out = calls[1].args[1], calls[7].args[1], calls[10].args[4]
    assert len({copy_in, compute, copy_out}) == 3
    assert calls[5].args[:2] == (compute, calls[4].args[0])
    assert calls[9].args[:2] == (copy_out, calls[8].args[0])
    assert [calls[index].args[3] for index in (2, 3, 10)] == ['in', 'in', 'out']
    assert calls[2].args[2] == frame.size
    assert calls[10].args[2] == frame.shape[0] * frame.shape[1]
    assert calls[-1].args == (calls[11].args[0],)


@pytest.mark.parametrize('cuda', ['late'], indirect=True)
def test_the_next_frame_is_copied_in_before_the_last_is_computed(
    make: Make, cuda: RecordedCuda, told: Any
) -> None:
    engine = make(image_size=SIZE)
    first, second = images(2)
    engine.submit([first], ALL)
    engine.submit([second], ALL)
    copies = [call for call in cuda.calls if call.name == 'cudaMemcpyAsync']
    copy_in = next(call.args[4] for call in reversed(copies) if call.args[3] == 'in')
    target = next(
        call.args[0] for call in reversed(copies) if call.args[2:4] == (second.size, 'in')
    )
    session = told.engines[0].session
    told.engines[0].session = None  # from here on nothing can be computed

    cuda.run(copy_in)

    np.testing.assert_array_equal(cuda.array(target, np.uint8, second.shape), second)
    told.engines[0].session = session
    assert len(engine.collect()) == len(engine.collect()) == 1


def test_only_what_is_wanted_is_copied_to_the_host(make: Make, cuda: RecordedCuda) -> None:
    engine = make(image_size=SIZE, planes=(1,))
    pixels = SIZE[0] * SIZE[1]

    def copied(wanted: Wanted) -> int:
        cuda.calls.clear()
        engine.segment(images(1), wanted)
        copies = [call.args for call in cuda.calls if call.name == 'cudaMemcpyAsync']
        return int(sum(args[2] for args in copies if args[3] == 'out'))

    assert copied(Wanted(confidence=False, entropy=False)) == pixels
    assert copied(Wanted()) == 3 * pixels
    assert copied(Wanted(drivable=(0.5, 0.5))) == 4 * pixels
    assert copied(Wanted(planes=(1,))) == 4 * pixels
    assert copied(Wanted(scores=True)) == 3 * pixels + 3 * 24 * 32 * 4


def test_the_network_is_recorded_once_in_each_slot_and_then_only_launched(
    make: Make, cuda: RecordedCuda, told: Any
) -> None:
    engine = make(image_size=SIZE)
    runs = len(told.runs)

    for _ in engine.stream([images(1)] * 6, ALL):
        pass

    assert runs == 4  # a plain run and a recorded one in each of two slots
    assert len(told.runs) == runs
    assert cuda.count('cudaGraphInstantiate') == 2
    assert cuda.count('cudaGraphLaunch') == 6
    assert engine.described()['cuda_graph'] == 'yes'


def test_what_cannot_be_recorded_runs_without_a_graph_and_says_so(
    make: Make, cuda: RecordedCuda
) -> None:
    cuda.failures['cudaGraphInstantiate'] = (0, 801)
    engine = make(image_size=SIZE)

    assert len(engine.segment(images(1), ALL)) == 1
    assert cuda.count('cudaGraphLaunch') == 0
    assert 'error 801' in engine.described()['cuda_graph']


def test_the_library_is_asked_whether_a_run_can_be_recorded(make: Make, told: Any) -> None:
    told.changes.append(lambda engine: setattr(engine, 'capturable', False))
    engine = make(image_size=SIZE)

    assert len(engine.segment(images(1), ALL)) == 1
    assert engine.described()['cuda_graph'].startswith('no: the library says')


def test_stages_are_ranges_for_profilers(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[tuple[str, str]] = []

    @contextmanager
    def annotate(name: str, domain: str) -> Iterator[None]:
        begun.append((domain, name))
        yield

    monkeypatch.setitem(sys.modules, 'nvtx', SimpleNamespace(annotate=annotate))
    engine = make(image_size=SIZE)

    engine.segment(images(1), ALL)

    stages = ['copy_in', 'infer', 'copy_out', 'wait', 'finish']
    assert begun == [('seg_node', name) for name in stages]
