# SPDX-License-Identifier: Apache-2.0
"""Builds that fail, hang, are killed or lack memory: the CPU answers meanwhile."""

from __future__ import annotations

import os
from pathlib import Path
import signal
from typing import TYPE_CHECKING

import pytest

from engines.standby_engine.frames import frames_until, says, serves

if TYPE_CHECKING:
    from engines.standby_engine.conftest import Open, Say

pytestmark = [pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]


def test_build_out_of_memory_is_tried_in_less(fake_gpu: Say, standby: Open) -> None:
    fake_gpu(build={'fp16': 'memory'})
    engine = standby()

    frames_until(engine, serves(engine, 'tensorrt'))

    words = 'fp16 in little memory instead of fp16: CUDA error 2: out of memory.'
    assert words in engine.described()['reason']


def test_cpu_serves_while_memory_does_not_suffice_and_the_gpu_is_tried_again(
    fake_gpu: Say, standby: Open
) -> None:
    fake_gpu(build={'fp16': 'memory'}, open={'fp16 in little memory': 'memory'})
    engine = standby()

    frames_until(engine, lambda: engine.gpu.startswith('pausing'))
    assert 'out of memory. It is tried again.' in engine.described()['reason']
    fake_gpu()
    frames_until(engine, serves(engine, 'tensorrt'))

    assert engine.trouble == ''


@pytest.mark.parametrize(
    ('fate', 'words'),
    [
        ('full', 'No space left on device'),
        ('hang', 'no progress for 1.5 s'),
        ('device', 'CUDA error 999'),
    ],
)
def test_failed_build_is_said_and_tried_again(
    fate: str, words: str, fake_gpu: Say, standby: Open
) -> None:
    fake_gpu(build={'fp16': fate})
    engine = standby(build=1.5)

    frames_until(engine, says(engine, words))
    assert engine.described()['engine'] == 'onnxruntime'
    assert words in engine.trouble
    fake_gpu()
    frames_until(engine, serves(engine, 'tensorrt'))

    assert engine.trouble == ''


def test_killed_builder_is_started_again_in_less_memory(fake_gpu: Say, standby: Open) -> None:
    fake_gpu(build={'fp16': 'hang'})
    engine = standby()
    pids = Path(os.environ['FAKE_GPU_PIDS'])
    frames_until(engine, pids.is_file)

    os.kill(int(pids.read_text(encoding='utf-8')), signal.SIGKILL)

    frames_until(engine, serves(engine, 'tensorrt'))
    assert 'The builder was ended by SIGKILL.' in engine.described()['reason']


def test_network_that_the_library_refuses_leaves_the_cpu(fake_gpu: Say, standby: Open) -> None:
    fake_gpu(build={'fp16': 'refused', 'fp32': 'refused'})
    engine = standby()

    frames_until(engine, lambda: engine.gpu == 'off')

    assert 'does not know the operator Frobnicate' in engine.trouble
