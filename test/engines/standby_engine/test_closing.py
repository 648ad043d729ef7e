# SPDX-License-Identifier: Apache-2.0
"""Closing a standby ends its builder and frees its engine."""

from __future__ import annotations

import os
from pathlib import Path
import time
from typing import TYPE_CHECKING

import pytest

from engines.standby_engine.frames import frames_until, serves
from fake_gpu import FakeGpuEngine

if TYPE_CHECKING:
    from engines.standby_engine.conftest import Open, Say

pytestmark = [pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]


def test_closing_during_a_build_ends_the_builder(fake_gpu: Say, standby: Open) -> None:
    fake_gpu(build={'fp16': 'hang'})
    engine = standby()
    pids = Path(os.environ['FAKE_GPU_PIDS'])
    frames_until(engine, pids.is_file)
    builder = int(pids.read_text(encoding='utf-8'))
    begun = time.monotonic()

    engine.close()

    assert time.monotonic() - begun < 2.0
    assert not Path(f'/proc/{builder}').exists()
    assert not engine._supply._thread.is_alive()


def test_closing_frees_the_engine_on_the_gpu(fake_gpu: Say, standby: Open) -> None:
    fake_gpu()
    engine = standby()
    frames_until(engine, serves(engine, 'tensorrt'))

    engine.close()

    assert FakeGpuEngine.opened[-1].is_closed
