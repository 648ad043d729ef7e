# SPDX-License-Identifier: Apache-2.0
"""docs/datasets.md: its layouts and its commands fit together, and every data set is in it."""

from __future__ import annotations

from pathlib import Path
import re
import shlex
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.cli.main import main
from seg_node.datasets.registry import ON_DISK

from .conftest import ramp, write_picture

if TYPE_CHECKING:
    import numpy.typing as npt

PAGE = (Path(__file__).parents[2] / 'docs' / 'datasets.md').read_text(encoding='utf-8')
FENCES = re.findall(r'^ *```(\w*)\n(.*?)^ *```', PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r'^seg (check-dataset .+)$', PAGE, re.MULTILINE)
FILE = re.compile(r'([\w.]+/[\w./-]+\.(?:png|jpg))')
LABELS = re.compile(r'/(labels|\w*annot|LabeledApproved_full|gtFine|semantic|gt_image_2)/')
ROAD = (128, 64, 128)  # of CamVid
MAGENTA = (255, 0, 255)  # KITTI's road


def label_picture(path: str) -> npt.NDArray[np.uint8]:
    """Return labels that a file of this name may hold: all road."""
    if 'LabeledApproved_full' in path:
        return np.full((6, 8, 3), ROAD, np.uint8)
    if 'gt_image_2' in path:
        return np.full((6, 8, 3), MAGENTA, np.uint8)
    ids = {'gtFine': 7, 'semantic': 7, 'mapillary': 13, 'CamVid': 3}
    return np.full((6, 8), next((ids[word] for word in ids if word in path), 0), np.uint8)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make every file that the page's layouts show, and go there."""
    files = [file for kind, fence in FENCES if not kind for file in FILE.findall(fence)]
    for seed, file in enumerate(files):
        write_picture(tmp_path / file, label_picture(file) if LABELS.search(file) else ramp(seed))
    (classes,) = [fence for _, fence in FENCES if fence.startswith('name: yard')]
    (tmp_path / 'my_images' / 'taxonomy.yaml').write_text(classes, encoding='utf-8')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize('command', COMMANDS)
@pytest.mark.usefixtures('here')
def test_commands_run_on_the_layouts_of_the_page(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(shlex.split(command))

    printed = capsys.readouterr().out
    assert 'No problems found.' in printed
    assert status == 0


def test_every_data_set_is_in_the_page_and_has_a_command() -> None:
    for kind in ON_DISK:
        assert f'`{kind}:DIR`' in PAGE
        assert any(f'{kind}:./' in command for command in COMMANDS)


def test_the_python_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = [fence for kind, fence in FENCES if kind == 'python']

    exec(compile(code, 'docs/datasets.md', 'exec'), {})  # noqa: S102 - our own page

    assert 'No problems found.' in capsys.readouterr().out
