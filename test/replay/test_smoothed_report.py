# SPDX-License-Identifier: Apache-2.0
"""What the report says of a replay with smoothing: its pictures are of the images alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from seg_node.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_rosbags,
]

ALONE = 'of the image alone'


@pytest.mark.parametrize(
    ('words', 'lead', 'fact', 'told'),
    [
        (['--smoothing', 'flow'], 'smoothing flow', 'method flow, history 0.5', True),
        (['--drivable', 'hysteresis=0.4'], 'smoothing off', '<td>off</td>', True),
        ([], 'smoothing off', '<td>off</td>', False),
    ],
)
def test_report_says_whether_frames_were_smoothed_and_that_its_pictures_were_not(
    *,
    drive: Path,
    bundle: str,
    tmp_path: Path,
    words: list[str],
    lead: str,
    fact: str,
    told: bool,
) -> None:
    asked = ['--bundle', bundle, '--report', '--out', str(tmp_path)]

    assert main(['replay', str(drive), *asked, *words]) == 0

    page = (tmp_path / 'report.html').read_text(encoding='utf-8')
    assert lead in page.partition('</h1>')[2].partition('</p>')[0]
    assert fact in page.partition('What ran')[2].partition('smoothing')[2]
    assert (ALONE in page) == told
