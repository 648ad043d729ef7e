# SPDX-License-Identifier: Apache-2.0
"""The commands of docs/export.md, run in their order on small networks and a few tiny images.

Only what makes them short is added, and the temperature is the one that the page tells to find.
"""

from __future__ import annotations

from importlib.metadata import distribution
from importlib.util import find_spec
import re
import shlex
import shutil
from typing import TYPE_CHECKING

import pytest
import torch
import yaml

from pages import commands, fences, read_page, ROOT, SHORT, write_camvid, write_yard
from seg_node.bundle import open_bundle
from seg_node.bundle.bundle import INT8_CPU, INT8_TRT
from seg_node.cli.main import main
from seg_node.model.build import build_network
from seg_node.model.config import NetConfig

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = [pytest.mark.smoke, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

PAGE = read_page('export.md')
TEMPERATURE = '1.2'
NEVER_TOO_BAD = ('--most-lost', '100', '--least-speed', '0', '--images', '2')


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working folder with the data, runs, bundles and networks that the page names."""
    monkeypatch.chdir(tmp_path)
    write_yard(tmp_path / 'yard')
    write_camvid(tmp_path / 'CamVid')
    (tmp_path / 'city.onnx').write_bytes(open_city())
    for fold in ('fold_a', 'fold_b'):
        shutil.copytree(ROOT / 'bundles' / 'procedural', tmp_path / fold)
    train_yard()
    shutil.copytree(tmp_path / 'runs' / 'yard', tmp_path / 'runs' / 'final')
    return tmp_path


def train_yard() -> None:
    """Train an epoch from the weights that the page goes on from."""
    network = yaml.safe_load(fences(PAGE, 'yaml')[0])['network']
    elsewhere = build_network(NetConfig(network['family'], classes=20))
    state = {f'module.{name}': value for name, value in elsewhere.state_dict().items()}
    torch.save(state, network['pretrained'])
    options = [f'network.{key}={value}' for key, value in network.items()]
    small = ['network.finest_stride=4', 'input.height=64', 'input.width=96']
    short = [*SHORT, *small, 'schedule.epochs=2', 'schedule.measure_every=1']
    run = ['--run', 'runs/yard', '--until', '1']
    assert main(['train', 'own_labels', 'data=yard', *options, *short, *run]) == 0


def open_city() -> bytes:
    """Return a network for images of any size, with scores at a quarter of it."""
    from onnx import helper, numpy_helper, TensorProto  # noqa: PLC0415 - only here

    weights = torch.randn(19, 3, 4, 4, generator=torch.Generator().manual_seed(0)).numpy()
    node = helper.make_node('Conv', ['image', 'w'], ['scores'], strides=[4, 4])
    image = helper.make_tensor_value_info('image', TensorProto.FLOAT, ['n', 3, 'h', 'w_in'])
    scores = helper.make_tensor_value_info('scores', TensorProto.FLOAT, ['n', 19, 'a', 'b'])
    graph = helper.make_graph(
        [node], 'city', [image], [scores], [numpy_helper.from_array(weights, 'w')]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)], ir_version=9)
    return bytes(model.SerializeToString())


def follow(line: str) -> None:
    """Run one command of the page."""
    program, *words = shlex.split(line)
    if program == 'pip':
        install(words)
        return
    assert program == 'seg'
    assert main([*words, *(NEVER_TOO_BAD if words[0] == 'quantize' else ())]) == 0, line


def install(words: Sequence[str]) -> None:
    """Check that there is what pip is told to install."""
    assert words[0] == 'install'
    for word in words[1:]:
        extras = re.fullmatch(r'\.\[(.*)\]', word)
        known = distribution('seg_node').metadata.get_all('Provides-Extra') or []
        assert set(extras[1].split(',')) <= set(known) if extras else find_spec(word)


def test_every_command_of_the_page_does_what_it_says(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = commands(PAGE)
    measured = [line for line in lines if line.split()[1] in ('evaluate', 'pool')]
    for line in measured:
        follow(line)
    best = re.search(r'best at ([\d.]*\d)', capsys.readouterr().out)
    assert best

    for line in lines:
        follow(line.replace(TEMPERATURE, best[1]))

    made = {path.parent.name for path in place.glob('*/manifest.json')}
    named = {'yard_bundle', 'yard_best_bundle', 'final_bundle', 'yard_int8_bundle', 'city_bundle'}
    assert named <= made
    final = open_bundle(place / 'final_bundle').manifest
    assert final.temperature == pytest.approx(float(best[1]), rel=0.01)
    assert 'pooled over fold models' in final.quality
    files = open_bundle(place / 'yard_int8_bundle').manifest.files
    assert [name for name in files if f'| `{name}` |' in PAGE] == [INT8_CPU, INT8_TRT]
    city = open_bundle(place / 'city_bundle').manifest
    assert (city.input.height, city.input.width) == (512, 1024)
