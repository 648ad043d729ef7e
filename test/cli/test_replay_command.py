# SPDX-License-Identifier: Apache-2.0
"""``seg replay``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from replay.drives import TRUTH_TOPIC, write_drive
from seg_node.cli.main import main
from tiny import tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_rosbags,
]


def test_table_has_what_the_file_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = tiny_bundle(tmp_path / 'tiny').path
    bags = [str(write_drive(tmp_path / f'day{seed}', 5, seed=seed)) for seed in range(2)]
    out = tmp_path / 'out'

    status = main(
        [
            *('replay', *bags, '--bundle', str(bundle), '--out', str(out)),
            *('--truth-topic', TRUTH_TOPIC),
        ]
    )

    told = capsys.readouterr()
    data = json.loads((out / 'replay.json').read_text(encoding='utf-8'))
    assert status == 0
    mean_iou = f'{100 * data["scores"]["mean_iou"]:.2f}'
    rows = {line.split()[0]: line.split() for line in told.out.splitlines() if line}
    assert rows['all'][1:4] == ['10', '0', mean_iou]
    assert rows['day0'][3] == f'{100 * data["bags"][0]["scores"]["mean_iou"]:.2f}'
    assert rows['lava'][1] == f'{100 * data["scores"]["class_iou"]["lava"]:.1f}'
    assert rows['infer'][1] == f'{data["latency_ms"]["infer"]["p50"]:.1f}'
    assert '10/10 frames' in told.err
    assert f'written: {out}' in told.err


def test_without_truth_the_table_says_what_was_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = tiny_bundle(tmp_path / 'tiny').path
    bag = write_drive(tmp_path / 'drive', 5)

    arguments = ['--bundle', str(bundle), '--out', str(tmp_path / 'out')]
    assert main(['replay', str(bag), *arguments]) == 0

    told = capsys.readouterr().out
    assert 'share of pixels %' in told
    assert 'mean IoU  ' not in told


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (['--full'], '--full is for scores against truth'),
        (['--taxonomy', 'camvid11'], '--taxonomy is for scores against truth'),
        (['--crf-mode', 'fast'], '--crf-mode is for the dense CRF, which is off'),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    status = main(['replay', 'drive', '--out', str(tmp_path), *arguments])

    assert status == 1
    assert words in capsys.readouterr().err


def test_missing_recording_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(['replay', str(tmp_path / 'nowhere.mcap'), '--out', str(tmp_path / 'out')])

    assert status == 1
    assert 'nowhere.mcap' in capsys.readouterr().err
