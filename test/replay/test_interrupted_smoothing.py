# SPDX-License-Identifier: Apache-2.0
"""An interrupted replay whose frames remember those before ends as an uninterrupted one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from replay.runs import FRAMES, run, timeless
from seg_node.pipeline import SmoothingOptions
from seg_node.replay.options import ReplayOptions

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_rosbags,
]


def interrupt_at(frame: int, bag: Path, out: Path, options: ReplayOptions) -> None:
    """Replay until so many frames are done."""
    from seg_node.replay.run import replay  # noqa: PLC0415 - needs rosbags

    def stop(done: int, _: int) -> None:
        if done == frame:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay([bag], out, options, on_progress=stop)


@pytest.mark.parametrize('method', ['average', 'flow'])
def test_interrupted_run_with_smoothing_ends_as_if_it_had_not_been(
    drive: Path, bundle: str, tmp_path: Path, method: str
) -> None:
    smoothing = SmoothingOptions(method, 0.9)  # type: ignore[arg-type]
    options = ReplayOptions(bundle, smoothing=smoothing)
    interrupt_at(5, drive, tmp_path / 'cut', options)

    resumed = run([drive], tmp_path / 'cut', options)

    assert timeless(resumed.out) == timeless(run([drive], tmp_path / 'whole', options).out)


@pytest.mark.parametrize(
    'options',
    [
        {'smoothing': SmoothingOptions()},
        {'drivable': (('hysteresis', 0.4),)},
    ],
)
def test_what_begins_anew_does_not_count_as_done(
    drive: Path, bundle: str, tmp_path: Path, options: dict[str, object]
) -> None:
    from seg_node.replay.run import replay  # noqa: PLC0415 - needs rosbags

    asked = ReplayOptions(bundle, **options)  # type: ignore[arg-type]
    interrupt_at(5, drive, tmp_path, asked)
    steps: list[int] = []

    replay([drive], tmp_path, asked, on_progress=lambda done, _: steps.append(done))

    assert steps == list(range(1, FRAMES + 1))
