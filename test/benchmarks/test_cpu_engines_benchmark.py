# SPDX-License-Identifier: Apache-2.0
"""The benchmark of settings and engines on a CPU, with a tiny network."""

from __future__ import annotations

from dataclasses import replace
import json
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from seg_node.bundle import INT8_CPU, write_bundle
import tiny

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime, pytest.mark.needs_ros]


@pytest.fixture
def bundle(tmp_path: Path) -> str:
    """Folder of the tiny bundle, its network in float under both names."""
    plain = tiny.tiny_bundle(tmp_path / 'plain')
    files = dict.fromkeys(('model.onnx', INT8_CPU), plain.onnx_path)
    return str(write_bundle(tmp_path / 'both', replace(plain.manifest), files).path)


def test_all_rivals_are_compared_and_timed(
    bundle: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import bench_cpu_engines  # noqa: PLC0415  # needs onnxruntime

    monkeypatch.setattr(bench_cpu_engines, 'PAUSE_S', 0.0)
    monkeypatch.setattr(cv2, 'setNumThreads', lambda _: None)
    monkeypatch.delenv('SEG_NODE_CAMVID', raising=False)
    target = tmp_path / 'result.json'

    words = ['--bundle', bundle, '--rounds', '1', '--plain-malloc', '--json', str(target)]
    assert bench_cpu_engines.main(words) == 0

    found = json.loads(target.read_text(encoding='utf-8'))
    for precision in ('fp32', 'int8'):
        for part in ('settings', 'threads'):
            one = found[part][precision]
            assert len(one['times']) >= 4
            assert set(one['equal_labels'].values()) == {1.0}
            assert one['ratios'][bench_cpu_engines.OURS]['best'] == 1.0
    printed = capsys.readouterr().out
    assert 'optimisation: basic' in printed


def test_a_rival_that_says_something_else_is_an_error() -> None:
    import bench_cpu_engines  # noqa: PLC0415  # needs onnxruntime

    batch = np.arange(12, dtype=np.float32).reshape(1, 3, 2, 2)
    rivals = {'one': lambda x: x, 'other': lambda x: -x}

    with pytest.raises(AssertionError, match=r'other: only 0\.0000% of the labels agree'):
        bench_cpu_engines.measured(rivals, [batch], 1, 0.9)


def test_a_setting_that_would_be_better_is_named() -> None:
    import bench_cpu_engines  # noqa: PLC0415  # needs onnxruntime

    def part(**ratios: float) -> dict[str, object]:
        return {'fp32': {'ratios': {k: {'best': v, 'cpu_best': v} for k, v in ratios.items()}}}

    result = {'settings': part(quicker=0.8, equal=0.98), 'threads': part(slower=1.2)}

    assert bench_cpu_engines.losers(result) == ['settings, fp32: quicker']
