# SPDX-License-Identifier: Apache-2.0
"""Masks from the first frame on: the CPU answers until the GPU takes over."""

from __future__ import annotations

import os
from pathlib import Path
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from engines.standby_engine.frames import frames_until, segment, serves, SIZE, TIMEOUT_S
from seg_node.engines.standby.engine import SETTLED_FRAMES
import tiny

if TYPE_CHECKING:
    from engines.standby_engine.conftest import Open, Say

pytestmark = [pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]


def test_cpu_answers_until_the_engine_is_built_and_then_the_gpu(
    fake_gpu: Say, standby: Open
) -> None:
    fake_gpu(build_s=1.0)
    engine = standby()
    segment(engine)
    seen = set()

    def is_in_use() -> bool:
        seen.add(engine.gpu)
        return engine.gpu == 'in use'

    frames_until(engine, is_in_use)
    segment(engine)

    assert {'building engine 50 %', 'building engine 95 %'} <= seen
    assert engine.described() == {
        'engine': 'tensorrt',
        'device': 'fake GPU',
        'precision': 'fp16',
        'reason': 'asked for by name: Fake library 1.0 on fake GPU.',
        'gpu': 'in use',
    }
    assert engine.trouble == ''


def test_described_names_the_engine_that_answered_the_last_frame(
    fake_gpu: Say, standby: Open
) -> None:
    fake_gpu()
    engine = standby()
    before = segment(engine)
    assert engine.described()['engine'] == 'onnxruntime'

    frames_until(engine, lambda: engine.gpu == 'in use')
    assert engine.described()['engine'] == 'onnxruntime'
    after = segment(engine)

    assert engine.described()['engine'] == 'tensorrt'
    # The fake GPU's confidences are one level lower: the words belong to the results.
    assert before.maps.confidence is not None
    assert after.maps.confidence is not None
    assert np.array_equal(after.maps.confidence, before.maps.confidence - 1)


def test_engine_that_was_built_before_is_opened_without_a_builder(
    fake_gpu: Say, standby: Open
) -> None:
    fake_gpu()
    first = standby()
    frames_until(first, serves(first, 'tensorrt'))
    first.close()
    Path(os.environ['FAKE_GPU_PIDS']).unlink()

    second = standby()
    frames_until(second, serves(second, 'tensorrt'))

    assert not Path(os.environ['FAKE_GPU_PIDS']).exists()


def test_known_image_size_is_built_for_before_the_first_frame(
    fake_gpu: Say, standby: Open
) -> None:
    fake_gpu()

    engine = standby(image_size=SIZE)

    deadline = time.monotonic() + TIMEOUT_S
    while engine.gpu != 'in use':
        assert time.monotonic() < deadline
        time.sleep(0.01)
    segment(engine)
    assert engine.described()['engine'] == 'tensorrt'


def test_fail_lets_the_cpu_serve_while_the_first_engine_is_built(
    fake_gpu: Say, standby: Open
) -> None:
    fake_gpu(build_s=0.3)
    engine = standby(on_gpu_failure='fail')

    assert frames_until(engine, serves(engine, 'tensorrt')) > 1


def test_odd_images_go_to_the_cpu_and_a_new_size_gets_a_new_engine(
    fake_gpu: Say, standby: Open
) -> None:
    fake_gpu()
    engine = standby()
    frames_until(engine, serves(engine, 'tensorrt'))
    other, labels = tiny.scene((30, 40))

    for _ in range(SETTLED_FRAMES - 1):
        assert np.array_equal(segment(engine, other).maps.labels.shape, labels.shape)
        assert engine.described()['engine'] == 'onnxruntime'
    segment(engine)
    assert engine.described()['engine'] == 'tensorrt'

    deadline = time.monotonic() + TIMEOUT_S
    while engine.described()['engine'] != 'tensorrt' or engine._size != (30, 40):
        assert time.monotonic() < deadline
        segment(engine, other)
        time.sleep(0.01)
    segment(engine)
    assert engine.described()['engine'] == 'onnxruntime'
