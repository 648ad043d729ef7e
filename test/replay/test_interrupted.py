# SPDX-License-Identifier: Apache-2.0
"""A replay that was killed or interrupted goes on where it was."""

from __future__ import annotations

from dataclasses import replace
import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from replay.drives import write_drive
from replay.runs import FRAMES, GATED, records, run, timeless, TRUTH
from seg_node.errors import ParameterError
from seg_node.pipeline import CrfChoice
from seg_node.replay.options import ReplayOptions

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_rosbags,
]

# Kills itself at a frame, as the system does that is short of memory: nothing is cleaned up.
KILLED = """
import os, pathlib, pickle, signal, sys
from seg_node.replay import store
from seg_node.replay.run import replay
store.SAVED_EVERY_S = 0.0
bags, out, options, frame = pickle.loads(bytes.fromhex(sys.argv[1]))
def on_progress(done, total):
    if done == frame:
        os.kill(os.getpid(), signal.SIGKILL)
replay(bags, out, options, on_progress=on_progress)
"""


def run_until_killed(bags: list[Path], out: Path, options: ReplayOptions, frame: int) -> None:
    """Replay in another process that is killed when so many frames are done."""
    import pickle  # noqa: PLC0415 - between our own processes

    packed = pickle.dumps((bags, out, options, frame)).hex()
    killed = subprocess.run([sys.executable, '-c', KILLED, packed], check=False)
    assert killed.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ('crf', 'frame'), [(CrfChoice(enabled=False), 1), (GATED, 10), (GATED, 18)]
)
def test_killed_run_goes_on_and_ends_as_if_it_had_not_been(
    drive: Path, bundle: str, tmp_path: Path, crf: CrfChoice, frame: int
) -> None:
    options = ReplayOptions(bundle, truth=TRUTH, crf=crf)
    out = tmp_path / 'killed'
    run_until_killed([drive], out, options, frame)
    assert not (out / 'frames.jsonl').exists()
    steps: list[int] = []

    from seg_node.replay.run import replay  # noqa: PLC0415 - needs rosbags

    replay([drive], out, options, on_progress=lambda done, _: steps.append(done))
    unharmed = run([drive], tmp_path / 'whole', options)

    assert steps[0] >= frame - 1  # at most the frame that was not saved is done again
    assert timeless(out) == timeless(unharmed.out)
    again = json.loads((out / 'replay.json').read_text(encoding='utf-8'))
    assert again['sums'] == unharmed.data['sums']
    if crf.enabled:
        assert {'ran', 'certain'} <= {record.crf for record in records(out)}


def test_killed_run_begins_a_labelled_bag_anew(drive: Path, bundle: str, tmp_path: Path) -> None:
    """The bag before it is whole and stays; half a bag cannot be continued."""
    from seg_node.recordings.reader import Recording  # noqa: PLC0415 - needs rosbags
    from seg_node.replay.run import replay  # noqa: PLC0415

    options = ReplayOptions(bundle, sinks=('labelled',))
    other = write_drive(tmp_path / 'other', FRAMES, seed=1)
    out = tmp_path / 'out'
    run_until_killed([drive, other], out, options, FRAMES + 10)
    first = out / 'labelled' / 'drive' / 'drive.mcap'
    before = first.stat().st_mtime_ns
    steps: list[int] = []

    replay([drive, other], out, options, on_progress=lambda done, _: steps.append(done))

    assert steps[0] == FRAMES
    assert first.stat().st_mtime_ns == before
    masks = [
        Recording(out / 'labelled' / name).topics['/camera/segmentation/mask'].messages
        for name in ('drive', 'other')
    ]
    assert masks == [FRAMES, FRAMES]
    assert timeless(out) == timeless(run([drive, other], tmp_path / 'whole', options).out)


def test_folder_of_another_run_that_was_interrupted_is_refused(
    drive: Path, bundle: str, tmp_path: Path
) -> None:
    from seg_node.replay.run import replay  # noqa: PLC0415 - needs rosbags

    def interrupt(done: int, _: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    options = ReplayOptions(bundle, truth=TRUTH)
    with pytest.raises(KeyboardInterrupt):
        replay([drive], tmp_path, options, on_progress=interrupt)

    with pytest.raises(ParameterError, match='begun with other bags or options'):
        replay([drive], tmp_path, replace(options, flicker=False))
    assert replay([drive], tmp_path, replace(options, workers=1)).data['frames'] == FRAMES
