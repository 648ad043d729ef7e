# SPDX-License-Identifier: Apache-2.0
"""The commands of docs/training.md, run in their order on a yard of a few tiny images.

Only what makes them short is added. ``ros2 launch`` is not there; test/ros runs its launch file
and node, and here the bundle it is given segments an image.
"""

from __future__ import annotations

import re
import shlex
import shutil
from typing import TYPE_CHECKING

import pytest
import yaml

from pages import commands, read_page, ROOT, SHORT, SIZE, write_camvid, write_yard
from seg_node.bundle import open_bundle
from seg_node.cli.main import main
from seg_node.pipeline import open_segmenter
from seg_node.training.recipe.file import find_recipe, read_recipe
import tiny

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = pytest.mark.smoke  # half a minute

PAGE = read_page('training.md')
WALK, REST = PAGE.split('## The recipes that are shipped')


@pytest.fixture
def yard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with labels as the page wants them; its parent is the working folder."""
    folder = tmp_path / 'yard'
    write_yard(folder)
    (tmp_path / 'config').symlink_to(ROOT / 'config')
    monkeypatch.chdir(tmp_path)
    return folder


def follow(line: str) -> None:
    """Run one command of the walk."""
    program, *arguments = shlex.split(line)
    if program == 'cp':
        shutil.copy(*arguments)
    elif program == 'ros2':
        drive(arguments)
    else:
        assert program == 'seg'
        trains = arguments[0] == 'train'
        small = ['schedule.epochs=2', 'input.height=64', 'input.width=96'] if trains else []
        short = SHORT if arguments[0] in ('train', 'show-samples') else ()
        assert main([*arguments, *short, *small]) == 0, line


def drive(arguments: Sequence[str]) -> None:
    """Do with the bundle what the node does with it."""
    assert arguments[:3] == ['launch', 'seg_node', 'seg.launch.py']
    given = dict(argument.split(':=') for argument in arguments[3:])
    launch_file = (ROOT / 'launch' / arguments[2]).read_text(encoding='utf-8')
    assert all(f"    ('{name}', " in launch_file for name in given)
    image, _ = tiny.scene(SIZE)
    with open_segmenter(given['bundle']) as segmenter:
        assert segmenter(image).labels.shape == SIZE


@pytest.mark.usefixtures('yard')
def test_own_labels_lead_to_a_bundle_that_drives(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = commands(WALK)

    for line in lines:
        follow(line)

    verbs = [line.split()[1] for line in lines if line.startswith('seg ')]
    assert verbs[-3:] == ['train', 'evaluate', 'export']
    assert capsys.readouterr().out.rstrip().endswith('yard_bundle')
    made = ('train.png', 'samples.png', 'weights.png', 'pictures', 'runs/yard/best')
    assert all((tmp_path / name).exists() for name in made)
    assert yaml.safe_load((tmp_path / 'runs' / 'yard' / 'recipe.yaml').read_text())['paths'] == {
        'data': 'yard'
    }


@pytest.mark.parametrize('line', commands(REST))
def test_shipped_recipes_train(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_camvid(tmp_path / 'camvid')
    program, verb, name, *options = shlex.split(line)
    assert (program, verb) == ('seg', 'train')
    places = [one.replace('/data/camvid', str(tmp_path / 'camvid')) for one in options]
    sources = len(read_recipe(find_recipe(name)).data.train)
    few = [f'data.train.{number}.per_epoch=2' for number in range(sources)]

    assert main(['train', name, *places, *SHORT, *few, '--until', '1']) == 0

    assert len(list(tmp_path.glob('runs/*/last.ckpt'))) == 1


@pytest.mark.slow
def test_default_bundle_is_made_stage_by_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command of the page but its numbers: epochs, sizes, and the temperature it names."""
    monkeypatch.chdir(tmp_path)
    write_camvid(tmp_path / 'camvid')
    temperature = '1.05'

    for line in commands(REST, 'sh'):
        words = line.replace('/data/camvid', 'camvid').replace('1.05', temperature).split()[1:]
        words = ['1' if word == '28' else word for word in words]
        assert main([*words, *short_stage(words)]) == 0, line
        told = re.search(r'best at ([\d.]*\d)', capsys.readouterr().out)
        temperature = told[1] if told else temperature

    manifest = open_bundle(tmp_path / 'bundles' / 'default').manifest
    assert manifest.temperature == pytest.approx(float(temperature), rel=0.01)
    assert 'pooled over fold models' in manifest.quality


def short_stage(words: Sequence[str]) -> tuple[str, ...]:
    """Return what makes a stage short."""
    if words[0] == 'quantize':
        return ('--most-lost', '100', '--least-speed', '0', '--images', '2')
    if words[0] != 'train':
        return ()
    sources = len(read_recipe(find_recipe(words[1])).data.train)
    few = [f'data.train.{number}.per_epoch=2' for number in range(sources)]
    small = ('schedule.epochs=1', 'data.also=[]', 'input.height=64', 'input.width=96')
    return (*SHORT, *few, *(small[1:] if '--until' in words else small))
