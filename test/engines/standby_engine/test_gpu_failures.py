# SPDX-License-Identifier: Apache-2.0
"""A GPU that fails or hangs while it is in use: who answers, and when it is tried again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from engines.standby_engine.frames import frames_until, right_labels, segment, serves, TIMEOUT_S
from fake_gpu import FakeGpuEngine
from seg_node.engines.serving import open_for_serving
from seg_node.engines.standby import context as gpu_context
from seg_node.engines.standby.standing import Patience
from seg_node.errors import EngineError, EngineUnavailableError

if TYPE_CHECKING:
    from engines.standby_engine.conftest import Open, Say
    from seg_node.bundle import Bundle

pytestmark = [pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]


@pytest.mark.parametrize('fate', ['device', 'memory', 'bug'])
def test_frame_on_which_the_gpu_fails_is_answered_by_the_cpu(
    fate: str, fake_gpu: Say, standby: Open
) -> None:
    fake_gpu(at={'2': fate})
    engine = standby(pause=0.2)
    frames_until(engine, serves(engine, 'tensorrt'))  # that was frame 1
    lost = FakeGpuEngine.opened[-1]

    found = segment(engine)

    assert np.array_equal(found.maps.labels, right_labels())
    assert engine.described()['engine'] == 'onnxruntime'
    assert engine.trouble
    fake_gpu()
    frames_until(engine, serves(engine, 'tensorrt'))
    assert engine.trouble == ''
    assert lost.is_closed


def test_lost_context_is_answered_by_the_cpu_and_the_gpu_is_never_touched_again(
    fake_gpu: Say, standby: Open, bundle: Bundle
) -> None:
    fake_gpu(at={'2': 'spoilt'})
    engine = standby()
    frames_until(engine, serves(engine, 'tensorrt'))
    opened, lost = len(FakeGpuEngine.opened), FakeGpuEngine.opened[-1]

    found = segment(engine)
    frames_until(engine, lambda: engine.gpu == 'off')
    engine.close()

    assert np.array_equal(found.maps.labels, right_labels())
    assert engine.trouble.endswith('Restart the node to use the GPU again.')
    assert len(FakeGpuEngine.opened) == opened
    assert not lost.is_closed
    assert gpu_context._abandoned == [lost]
    with pytest.raises(EngineUnavailableError, match='Restart the node'):
        open_for_serving('tensorrt', bundle)
    with open_for_serving('auto', bundle) as other:
        assert other.name == 'onnxruntime'
        assert 'Restart the node' in other.reason


def test_frames_do_not_wait_for_an_engine_that_is_being_freed(
    fake_gpu: Say, standby: Open
) -> None:
    fake_gpu(at={'2': 'device'}, close_s=1.0)
    engine = standby()
    frames_until(engine, serves(engine, 'tensorrt'))
    lost = FakeGpuEngine.opened[-1]

    longest = 0.0
    while not lost.is_closed:
        began = time.monotonic()
        segment(engine)
        longest = max(longest, time.monotonic() - began)
        time.sleep(0.01)

    assert longest < 0.7
    fake_gpu()


def test_frame_on_which_the_gpu_hangs_is_answered_by_the_cpu_and_the_gpu_is_left_alone(
    fake_gpu: Say, standby: Open
) -> None:
    fake_gpu(at={'2': 'hang'})
    engine = standby(frame=0.3)
    frames_until(engine, serves(engine, 'tensorrt'))
    lost = FakeGpuEngine.opened[-1]

    began = time.monotonic()
    found = segment(engine)
    took = time.monotonic() - began
    frames_until(engine, lambda: gpu_context._abandoned)

    assert 0.3 <= took < 2.0
    assert np.array_equal(found.maps.labels, right_labels())
    assert engine.described()['engine'] == 'onnxruntime'
    assert engine.gpu == 'off'
    assert 'not answered a frame for 0.3 s' in engine.trouble
    assert engine.trouble.endswith('Restart the node to use the GPU again.')
    engine.close()
    assert gpu_context._abandoned == [lost]
    assert not lost.is_closed


def test_fail_makes_frames_fail_while_the_gpu_has_failed(fake_gpu: Say, standby: Open) -> None:
    fake_gpu(at={'2': 'device'})
    engine = standby(on_gpu_failure='fail', pause=0.5)
    frames_until(engine, serves(engine, 'tensorrt'))

    for _ in range(3):
        with pytest.raises(EngineError, match=r'CUDA error 999.* on_gpu_failure is fail'):
            segment(engine)

    fake_gpu()
    deadline = time.monotonic() + TIMEOUT_S
    while engine.trouble:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    segment(engine)
    assert engine.described()['engine'] == 'tensorrt'


def test_pauses_get_longer_up_to_a_limit() -> None:
    patience = Patience(pause=5.0)

    pauses = [patience.pause_after(failures) for failures in range(1, 10)]

    assert pauses == [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 600.0, 600.0]
    assert patience.pause_after(5000) == 600.0


def test_gpu_that_fails_again_and_again_is_tried_less_and_less_often(
    fake_gpu: Say, standby: Open
) -> None:
    fake_gpu(at={'1': 'device'})
    engine = standby(pause=0.05)
    pauses: list[str] = []

    def has_paused_three_times() -> bool:
        if engine.gpu.startswith('pausing') and engine.gpu not in pauses:
            pauses.append(engine.gpu)
        return len(pauses) == 3

    frames_until(engine, has_paused_three_times)

    assert pauses == ['pausing for 0.05 s', 'pausing for 0.1 s', 'pausing for 0.2 s']
