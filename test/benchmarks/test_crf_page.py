# SPDX-License-Identifier: Apache-2.0
"""What docs/crf.md tells to type works; benchmarks on one made-up scene instead of CamVid."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
import shlex
import subprocess
import sys

import numpy as np
import pytest

from crf.scenes import street
from pages import commands, fences, read_page, ROOT
from seg_node.cli.main import main

PAGE = read_page('crf.md')
LINES = commands(PAGE)
SCRIPTS = [line for line in LINES if line.startswith('python benchmarks/')]
SHORT = {'where_crf_helps', 'sweep_crf'}
CLASSES = 5


@pytest.mark.needs_crf
def test_the_snippets_run() -> None:
    probabilities, image = street(CLASSES, 48, 64)
    names = {
        'probabilities': probabilities,
        'scores': np.moveaxis(np.log(probabilities), 0, -1),
        'image': image,
    }

    for snippet in fences(PAGE, 'python'):
        exec(compile(snippet, 'docs/crf.md', 'exec'), names)  # noqa: S102 - our own page

    assert fences(PAGE, 'python')


@pytest.mark.needs_onnxruntime
@pytest.mark.parametrize('line', [line for line in LINES if line.startswith('seg evaluate')])
def test_evaluations_run(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = shlex.split(line.replace('procedural:4@7', 'procedural:1@7'))

    assert main(words[1:]) == 0
    assert 'mean IoU' in capsys.readouterr().out


@pytest.mark.parametrize('line', SCRIPTS)
def test_scripts_take_the_arguments_of_the_page(line: str) -> None:
    needed = ['rclpy', 'torch'] if 'tutorial' in line else ['pydensecrf']
    if missing := [name for name in needed if find_spec(name) is None]:
        pytest.skip(f'{missing} not installed')
    _, script, *words = shlex.split(line)

    parsed = import_module(Path(script).stem).parse(words)

    assert parsed is not None


@pytest.mark.slow
@pytest.mark.needs_crf
@pytest.mark.needs_onnxruntime
@pytest.mark.parametrize('line', [line for line in SCRIPTS if Path(line.split()[1]).stem in SHORT])
def test_scripts_run(line: str, tmp_path: Path) -> None:
    line = line.replace('camvid:/data/camvid', 'procedural:1').replace(
        'docs/images', str(tmp_path)
    )
    frames = '6' if '--pictures' in line else '1'  # each case is shown in a frame of its own
    words = [sys.executable, *shlex.split(line)[1:], '--frames', frames]

    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT)

    assert 'bundle' in done.stdout
    if '--pictures' in words:
        assert {file.name for file in tmp_path.iterdir()} == {'crf_helps.jpg', 'crf_harms.jpg'}
