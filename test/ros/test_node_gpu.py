# SPDX-License-Identifier: Apache-2.0
"""A node whose GPU is built, takes over and fails while frames keep coming, over real DDS."""

from __future__ import annotations

from functools import partial
import os
from pathlib import Path
import time
from typing import Any, TYPE_CHECKING

import pytest

from tiny import scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from ros.rig import Rig

    Say = Callable[..., None]

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

MASK, CONFIDENCE, STATUS = (f'segmentation/{name}' for name in ('mask', 'confidence', 'status'))
SIZE = (60, 80)
IMAGE = scene(SIZE)[0]
PERIOD_S = 0.03


def said(rig: Rig) -> tuple[int, str, dict[str, str]]:
    """Return level, summary and values of the present diagnostics."""
    status = rig.node.diagnosis.message().status[0]
    values = {pair.key: pair.value for pair in status.values}
    return int.from_bytes(status.level, 'little'), status.message, values


def status_of(rig: Rig, image: Any) -> dict[str, str]:
    """Return the values of the status message of a frame."""
    message = rig.answer(STATUS, image)
    return {pair.key: pair.value for pair in message.status[0].values}


def listen_to_status(rig: Rig) -> None:
    from diagnostic_msgs.msg import DiagnosticArray  # noqa: PLC0415

    rig.listen(STATUS, DiagnosticArray)


def drive_until(rig: Rig, engine: str) -> list[Any]:
    """Send one frame after another until one is answered by an engine; return them all."""
    sent: list[Any] = []
    deadline = time.monotonic() + 20.0
    while not sent or status_of(rig, sent[-1])['engine'] != engine:
        assert time.monotonic() < deadline
        sent.append(rig.send(rig.image_of_now(IMAGE)))
        rig.answer(MASK, sent[-1])
        time.sleep(PERIOD_S)
    return sent


def play_until(rig: Rig, engine: str, more: int) -> list[Any]:
    """Send frames at a camera's rate until an engine has answered some; return all of them."""
    sent: list[Any] = []
    deadline = time.monotonic() + 20.0
    while engines(rig).count(engine) < more:
        assert time.monotonic() < deadline
        sent.append(rig.send(rig.image(IMAGE)))
        due = partial(past, time.monotonic() + PERIOD_S)
        rig.until(due, 'the next frame is due')
    return sent


def past(moment: float) -> bool:
    return time.monotonic() > moment


def engines(rig: Rig) -> list[str]:
    """Return the engines that answered so far, from the status messages."""
    heard = [message.status[0].values for message in rig.heard[STATUS]]
    return [next(pair.value for pair in values if pair.key == 'engine') for values in heard]


def test_frames_keep_coming_while_the_engine_is_built_and_swapped(
    fake_gpu: Say, make_rig: Callable[..., Rig]
) -> None:
    from ros.rig import pixels_of  # noqa: PLC0415

    fake_gpu(build_s=1.0, open_s=0.3)
    rig = make_rig(engine='tensorrt')
    masks, confidences = rig.listen(MASK), rig.listen(CONFIDENCE)
    listen_to_status(rig)

    sent = play_until(rig, 'tensorrt', more=10)
    rig.answer(STATUS, sent[-1])

    # A busy machine may miss a frame now and then; the swap loses none.
    answered = [mask.header for mask in masks]
    assert answered == [image.header for image in sent if image.header in answered]
    assert len(sent) == len(masks) + rig.dropped('superseded')
    assert rig.dropped('superseded') <= len(sent) // 10
    by = engines(rig)
    swap = by.index('tensorrt')
    assert swap > 20
    assert by == ['onnxruntime'] * swap + ['tensorrt'] * (len(by) - swap)
    assert masks[swap].header.stamp.sec == masks[swap - 1].header.stamp.sec + 1
    # All masks are the same; the confidences of the fake GPU are one level lower.
    assert {bytes(mask.data) for mask in masks} == {bytes(masks[0].data)}
    by_cpu, by_gpu = pixels_of(confidences[0]), pixels_of(confidences[-1])
    assert (by_gpu == by_cpu - 1).all()
    for engine, one in zip(by, confidences, strict=True):
        assert (pixels_of(one) == (by_gpu if engine == 'tensorrt' else by_cpu)).all()


def test_progress_is_in_status_and_diagnostics(
    fake_gpu: Say, make_rig: Callable[..., Rig]
) -> None:
    fake_gpu(build_s=1.0)
    rig = make_rig(engine='tensorrt')
    rig.listen(MASK)
    listen_to_status(rig)
    assert said(rig)[2]['gpu'] == 'waiting for the first image'

    first = rig.send(rig.image_of_now(IMAGE))
    status = status_of(rig, first)
    assert status['engine'] == 'onnxruntime'
    assert status['device'] == 'CPU'
    assert status['precision'] == 'fp32'
    assert status['engine_reason'] == 'asked for by name: Fake library 1.0 on fake GPU.'
    rig.until(lambda: 'building engine 50 %' in said(rig)[1], 'half of the engine is built')
    level, summary, values = said(rig)
    assert level == 0
    assert 'masks per second; building engine' in summary
    assert values['gpu'].startswith('building engine')

    drive_until(rig, 'tensorrt')
    level, summary, values = said(rig)
    assert level == 0
    assert summary.endswith('masks per second')
    assert (values['engine'], values['precision']) == ('tensorrt', 'fp16')


@pytest.mark.parametrize(
    ('fate', 'words'), [('spoilt', 'CUDA error 700'), ('hang', 'has not answered a frame for 0.5')]
)
def test_lost_gpu_costs_no_frame_and_is_a_warning_with_the_remedy(
    fate: str, words: str, fake_gpu: Say, make_rig: Callable[..., Rig]
) -> None:
    fake_gpu(at={'3': fate})
    rig = make_rig(engine='tensorrt', **{'gpu.frame_timeout': 0.5})
    rig.listen(MASK)
    listen_to_status(rig)

    sent = drive_until(rig, 'tensorrt')
    sent += drive_until(rig, 'onnxruntime')
    rig.until(lambda: said(rig)[2]['gpu'] == 'off', 'the GPU is given up')

    assert [one.header for one in rig.heard[MASK]] == [one.header for one in sent]
    level, summary, values = said(rig)
    assert level == 1
    assert words in summary
    assert summary.endswith('Restart the node to use the GPU again.')
    assert 'Restart the node' in values['engine_reason']
    assert rig.dropped('engine_error') == 0


def test_frames_fail_with_the_gpu_if_the_user_wants_that(
    fake_gpu: Say, make_rig: Callable[..., Rig]
) -> None:
    fake_gpu(at={'2': 'spoilt'})
    rig = make_rig(engine='tensorrt', on_gpu_failure='fail')
    rig.listen(MASK)
    listen_to_status(rig)
    drive_until(rig, 'tensorrt')

    rig.send(rig.image(IMAGE))
    rig.until_dropped('engine_error')

    level, summary, _ = said(rig)
    assert level == 2
    assert 'CUDA error 700' in summary
    assert 'on_gpu_failure is fail' in summary


def test_missing_gpu_fails_configure_by_name_and_is_told_by_auto(
    fake_gpu: Say, make_rig: Callable[..., Rig]
) -> None:
    fake_gpu(missing='There is no GPU here. Buy one.')
    named = make_rig(engine='tensorrt', autostart=False)
    named.node.trigger_configure()
    auto = make_rig(engine='auto')

    assert named.node.state == 'unconfigured'
    assert 'Buy one' in named.node.health.report().last_error
    assert said(auto)[2]['engine'] == 'onnxruntime'
    assert 'tensorrt: There is no GPU here. Buy one.' in said(auto)[2]['engine_reason']


def test_cleaning_up_during_a_build_ends_the_builder(
    fake_gpu: Say, make_rig: Callable[..., Rig]
) -> None:
    fake_gpu(build={'fp16': 'hang'})
    rig = make_rig(engine='tensorrt')
    rig.listen(MASK)
    rig.answer(MASK, rig.send(rig.image(IMAGE)))
    pids = Path(os.environ['FAKE_GPU_PIDS'])
    rig.until(pids.is_file, 'the builder runs')

    rig.node.trigger_deactivate()
    rig.node.trigger_cleanup()

    assert rig.node.state == 'unconfigured'
    assert not Path(f'/proc/{pids.read_text(encoding="utf-8").strip()}').exists()
