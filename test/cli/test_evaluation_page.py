# SPDX-License-Identifier: Apache-2.0
"""Every command of docs/evaluation.md runs, on small things under the names that it uses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
import re
import shlex
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import yaml

from seg_node.bundle import write_bundle
from seg_node.cli.main import main
from seg_node.taxonomy import load_taxonomy
from tiny import tiny_manifest

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE = Path(__file__).parents[2] / 'docs' / 'evaluation.md'
SIZE = (48, 64)
SPLITS = ('test', '0001TP', '0016E5')


def commands() -> list[list[str]]:
    """Return the words of every command, in the order of the page."""
    text = PAGE.read_text(encoding='utf-8')
    blocks = re.findall(r'^```bash\n(.*?)^```', text, re.MULTILINE | re.DOTALL)
    lines = (line for block in blocks for line in block.splitlines())
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith('seg ')]


def write_frames(folder: Path, names: Iterable[str], classes: int) -> None:
    """Write random images and labels."""
    for name in names:
        random = np.random.default_rng(len(name) + ord(name[-1]))
        for kind, shape, top in (('images', (*SIZE, 3), 256), ('labels', SIZE, classes)):
            path = folder / kind / f'{name}.png'
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), random.integers(0, top, shape).astype(np.uint8))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with everything that the page names; it is the working directory."""
    taxonomy = load_taxonomy('cityscapes19')
    network = tmp_path / 'network'
    network.write_bytes(b'')  # the fake engine does not read it
    manifest = replace(tiny_manifest(), taxonomy=taxonomy)
    for name in ('my_bundle', 'fold_a', 'fold_b'):
        write_bundle(tmp_path / name, manifest, {'model.onnx': network})
    write_frames(tmp_path / 'my_images', ('a', 'b'), len(taxonomy))
    text = yaml.safe_dump(taxonomy.to_dict())
    (tmp_path / 'my_images' / 'taxonomy.yaml').write_text(text, encoding='utf-8')
    drives = ('0001TP_1', '0016E5_2')
    write_frames(tmp_path / 'CamVid', [f'train/{name}' for name in drives], 12)
    write_frames(tmp_path / 'CamVid', ['val/0016E5_3', 'test/Seq05VD_4'], 12)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.needs_crf
def test_every_command_of_the_page_runs(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = commands()
    for words in found:
        small = ['./my_bundle' if word == 'default' else word for word in words]
        if words[0] == 'evaluate':
            small[2:3] = ['procedural:1' if words[2] == 'default' else words[2]]
            small += ['--engine', 'fake', '--limit', '1']

        status = main(small)

        assert (words, status, capsys.readouterr().err[-300:] if status else '') == (words, 0, '')
    assert len(found) > 12
    for name in ('scores.json', 'pictures', 'report', 'worse', 'pooled.json', 'pooled'):
        assert (place / name).exists()
