# SPDX-License-Identifier: Apache-2.0
"""Node and offline replay compute alike: the node is told what ``auto`` is offline."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, TYPE_CHECKING

import pytest

from seg_node.replay.options import ReplayOptions

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.needs_rosbags,
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
]


@pytest.mark.parametrize(
    ('asked', 'told'), [('auto', 'fp32'), ('fp32', 'fp32'), ('int8', 'int8'), ('fp16', 'fp16')]
)
def test_the_node_does_not_choose_for_itself(
    asked: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seg_node.replay.live import options  # noqa: PLC0415  # needs rosbags

    topics = {'image': SimpleNamespace(kind='raw')}
    monkeypatch.setattr(options, 'Recording', lambda _: SimpleNamespace(topics=topics))
    bag: Any = SimpleNamespace(path=tmp_path)

    given = options.node_parameters(ReplayOptions(precision=asked), bag, 'image')

    assert given['precision'] == told
