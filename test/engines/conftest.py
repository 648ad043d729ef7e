# SPDX-License-Identifier: Apache-2.0
"""A GPU that does what a test says, in this process and in that of the builder."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    Say = Callable[..., None]

TESTS = Path(__file__).parents[1]


@pytest.fixture
def fake_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Return a function that says what the GPU does from now on; see ``fake_gpu.py``."""
    from seg_node.engines import gpu_context, serving  # noqa: PLC0415  # as the test has them

    folder = tmp_path / 'fake_gpu'
    folder.mkdir()

    def say(**settings: object) -> None:
        fresh = folder / 'fresh.json'
        fresh.write_text(json.dumps(settings), encoding='utf-8')
        fresh.rename(folder / 'settings.json')

    say()
    paths = [str(TESTS), str(TESTS.parent), os.environ.get('PYTHONPATH', '')]
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(filter(None, paths)))
    monkeypatch.setenv('FAKE_GPU', str(folder / 'settings.json'))
    monkeypatch.setenv('FAKE_GPU_PIDS', str(folder / 'pids'))
    monkeypatch.setitem(serving.GPU_BACKENDS, 'tensorrt', 'engines.fake_gpu:FakeGpu')
    monkeypatch.setattr(gpu_context, '_causes', [])
    monkeypatch.setattr(gpu_context, '_abandoned', [])
    return say
