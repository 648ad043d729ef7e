# SPDX-License-Identifier: Apache-2.0
"""The report of a replay, looked at by a real browser."""

from __future__ import annotations

import json
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import pytest

from chromium import open_page
from seg_node.cli.main import main
from seg_node.errors import ParameterError
from tiny import scene, TAXONOMY, tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.needs_rosbags,
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
]

SIZE = (96, 128)
FRAMES = 12
COUNTS = """({
  broken: [...document.images].filter(one => !one.complete || !one.naturalWidth).length,
  images: document.images.length,
  tables: document.querySelectorAll('table').length,
  strips: document.querySelectorAll('.drive svg').length,
  lines: document.querySelectorAll('svg polyline').length,
  titles: [...document.querySelectorAll('h2')].map(one => one.textContent),
  text: document.body.innerText,
  wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  ground: getComputedStyle(document.body).backgroundColor,
  flat: [...document.querySelectorAll('td, th, .card b, svg')].filter(
    one => one.textContent && !one.getBoundingClientRect().height).length,
})"""


def write_drive(folder: Path, *, truth: bool) -> Path:
    """Write a drive with a truth topic, through the command that users have."""
    for name in ('images', 'truths'):
        (folder / name).mkdir()
    for index in range(FRAMES):
        image, ids = scene(SIZE, seed=index // 3)
        cv2.imwrite(str(folder / f'images/{index:03}.png'), image[..., ::-1])
        cv2.imwrite(str(folder / f'truths/{index:03}.png'), np.roll(ids, index, axis=1))
    (folder / 'classes.yaml').write_text(json.dumps(TAXONOMY.to_dict()), encoding='utf-8')
    arguments = ['make-bag', folder / 'images', folder / 'drive', '--rate', 2]
    if truth:
        arguments += ['--labels', folder / 'truths', '--taxonomy', folder / 'classes.yaml']
    assert main([str(one) for one in arguments]) == 0
    return folder / 'drive'


def report(folder: Path, *more: str, truth: bool = False) -> Path:
    """Replay a drive with a report; return the page."""
    bag = write_drive(folder, truth=truth)
    bundle = tiny_bundle(folder / 'bundle').path
    arguments = ['replay', str(bag), '--bundle', str(bundle), '--out', str(folder / 'out')]
    if truth:
        more += ('--truth-topic', '/camera/segmentation/truth')
    assert main([*arguments, '--engine', 'onnxruntime', '--report', *more]) == 0
    return folder / 'out' / 'report.html'


def look(page: Path, width: int = 1280, mode: str = 'light') -> dict[str, Any]:
    """Open the page, check what must hold for every page, and return what is on it."""
    with open_page(page, width, mode) as browser:
        found: dict[str, Any] = browser.evaluate(COUNTS)
        assert browser.complaints == []
        assert browser.requests == []
    assert found['broken'] == 0
    assert found['flat'] == 0
    assert found['wide'] <= 0  # the page itself never scrolls sideways
    return found


@pytest.mark.needs_chromium
def test_page_with_truth_shows_scores_pictures_and_time(tmp_path: Path) -> None:
    page = report(tmp_path, truth=True)

    found = look(page)

    data = json.loads((tmp_path / 'out' / 'replay.json').read_text(encoding='utf-8'))
    assert f'{100 * data["scores"]["mean_iou"]:.2f} %' in found['text']
    wanted = ['Over time', 'Worst moments', 'Classes', 'Confusion', 'Confidence', 'Drivable area']
    wanted += ['What was seen', 'Recordings', 'Time', 'Damage', 'What ran']
    assert found['titles'] == wanted
    assert found['strips'] == 4  # mean IoU, entropy, flicker, time
    assert found['images'] >= 2 * 4  # moments of four pictures
    assert 'Lowest mean IoU against the truth' in found['text']
    assert 'None: every frame of every recording could be read.' in found['text']
    assert f'digest {data["bundle"]["digest"]}' in found['text']


@pytest.fixture(scope='module')
def plain_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Report of a drive without truth."""
    return report(tmp_path_factory.mktemp('plain'))


@pytest.mark.needs_chromium
@pytest.mark.parametrize(('width', 'mode'), [(400, 'light'), (1280, 'dark'), (400, 'dark')])
def test_page_without_truth_fits_every_screen_by_day_and_night(
    plain_page: Path, width: int, mode: str
) -> None:
    found = look(plain_page, width, mode)

    assert found['titles'][:3] == ['Over time', 'Worst moments', 'What was seen']
    assert 'Confusion' not in found['titles']
    assert 'Most labels that change' in found['text']
    assert 'Most uncertain' in found['text']
    red = int(found['ground'].split('(')[1].split(',')[0])
    assert (red < 60) == (mode == 'dark')


@pytest.mark.needs_chromium
@pytest.mark.needs_crf
def test_decisions_about_the_crf_have_a_strip_and_moments_show_before_and_after(
    tmp_path: Path,
) -> None:
    options = ('--crf', 'classic', '--crf-backend', 'pydensecrf')
    page = report(tmp_path, *options, '--crf-min-uncertain-fraction', '0')

    found = look(page)

    assert found['strips'] == 4  # entropy, flicker, time, CRF
    assert 'refined by the CRF' in found['text']
    assert 'network alone' in found['text']
    assert 'with the CRF' in found['text']


@pytest.mark.needs_chromium
def test_damage_is_told_bag_by_bag(tmp_path: Path) -> None:
    bag = write_drive(tmp_path, truth=False)
    file = bag / 'drive.mcap'
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    bundle = tiny_bundle(tmp_path / 'bundle').path

    arguments = ['replay', str(bag), '--bundle', str(bundle), '--out', str(tmp_path / 'out')]
    assert main([*arguments, '--engine', 'onnxruntime', '--report']) == 0

    found = look(tmp_path / 'out' / 'report.html')
    assert 'drive.mcap' in found['text']
    assert 'could be read' in found['text']
    assert 'None: every frame' not in found['text']


def test_names_from_a_bag_cannot_become_part_of_the_page(plain_page: Path) -> None:
    from seg_node.replay.page.document import document  # noqa: PLC0415  # needs rosbags

    data = json.loads((plain_page.parent / 'replay.json').read_text(encoding='utf-8'))
    data['bags'][0]['name'] = '<script>alert(1)</script>'
    data['bags'][0]['damage'] = ['<img src=x>']

    text = document(data, {}, [])

    assert '<script' not in text
    assert '<img src=x>' not in text


def test_folder_without_a_replay_is_refused(tmp_path: Path) -> None:
    from seg_node.replay.options import ReplayOptions  # noqa: PLC0415
    from seg_node.replay.page.write import write_report  # noqa: PLC0415  # needs rosbags

    with pytest.raises(ParameterError, match='holds no finished replay'):
        write_report(tmp_path, [], ReplayOptions())
