# SPDX-License-Identifier: Apache-2.0
"""Images of several cameras in one run of the engine, over real DDS."""

from __future__ import annotations

import time
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import pytest

from ros.several import BOTH, Cameras, FRONT, runs_of, send_at_once, TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ros.rig import Rig
    from seg_node.pipeline import Segmenter

    MakeRig = Callable[..., Rig]

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]


@pytest.fixture
def batching(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the engine say that it gains from batches."""
    from seg_node.engines.onnx_engine import OnnxEngine  # noqa: PLC0415

    monkeypatch.setattr(OnnxEngine, 'takes_batches', True)


@pytest.mark.usefixtures('batching')
def test_images_of_one_moment_share_a_run_where_the_engine_gains(
    make_rig: MakeRig, offline: Segmenter
) -> None:
    """From the second time on: an engine prepares for each number of images."""
    cameras = Cameras(make_rig(cameras=BOTH, batch_slop=0.05))
    counts = runs_of(cameras)

    for _ in range(2):
        for name, message in send_at_once(cameras).items():
            np.testing.assert_array_equal(cameras.mask(name, message), offline(FRONT).labels)

    assert counts == [1, 1, 1, 1, 2]
    assert 'go through the engine together' in cameras.rig.runner.described()['batch']


def test_images_go_one_by_one_where_the_engine_gains_nothing(make_rig: MakeRig) -> None:
    cameras = Cameras(make_rig(cameras=BOTH, batch_slop=0.05))
    counts = runs_of(cameras)

    sent = send_at_once(cameras)

    for name, message in sent.items():
        cameras.mask(name, message)
    assert counts == [1, 1, 1]
    status = cameras.rig.node.diagnosis.message().status[0]
    assert {pair.key: pair.value for pair in status.values}['batch'].startswith(
        'no: the engine onnxruntime takes one image after the other'
    )


@pytest.mark.usefixtures('batching')
def test_image_that_does_not_fit_its_mask_spoils_no_common_run(
    make_rig: MakeRig, tmp_path: Path
) -> None:
    path = tmp_path / 'small.png'
    cv2.imwrite(str(path), np.eye(4, dtype=np.uint8))
    cameras = Cameras(
        make_rig(cameras=BOTH, batch_slop=0.05, camera__left__own_vehicle_mask=str(path))
    )

    for count in (1, 2):
        cameras.mask('front', send_at_once(cameras)['front'])
        assert cameras.until_dropped('left', count) == {'bad_image': count}

    assert cameras.dropped('front') == {}


@pytest.mark.usefixtures('batching')
def test_failure_of_a_common_run_is_one_of_every_camera_in_it(make_rig: MakeRig) -> None:
    from seg_node.errors import EngineError  # noqa: PLC0415

    cameras = Cameras(make_rig(cameras=BOTH, batch_slop=0.05))
    segment = cameras.rig.runner.engine.segment

    def failing(images: Any, wanted: Any) -> Any:
        if len(images) > 1:
            msg = 'two are too many'
            raise EngineError(msg)
        return segment(images, wanted)

    for name, message in send_at_once(cameras).items():
        cameras.mask(name, message)
    cameras.rig.runner.engine.segment = failing

    send_at_once(cameras)

    for name in BOTH:
        assert cameras.until_dropped(name) == {'engine_error': 1}
    cameras.mask('left', cameras.send('left'))


def test_groups_begin_when_the_gpu_takes_over(
    fake_gpu: Callable[..., None], make_rig: MakeRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fake_gpu import FakeGpuEngine  # noqa: PLC0415

    monkeypatch.setattr(FakeGpuEngine, 'takes_batches', True)
    fake_gpu(build_s=0.0)
    cameras = Cameras(make_rig(engine='tensorrt', cameras=BOTH, batch_slop=0.05))
    runner = cameras.rig.runner
    before = runner.described()['batch']

    deadline = time.monotonic() + TIMEOUT_S
    while runner.described()['engine'] != 'tensorrt':
        assert time.monotonic() < deadline
        cameras.mask('front', cameras.send('front'))
        cameras.mask('left', cameras.send('left', FRONT))

    assert before.startswith('no: the engine onnxruntime')
    assert 'go through the engine together' in runner.described()['batch']
