# SPDX-License-Identifier: Apache-2.0
"""Several evaluations put together, against one evaluation of all their frames."""

from __future__ import annotations

import json
from typing import Any, TYPE_CHECKING

import pytest

from seg_node.bundle.quality import read_quality
from seg_node.cli.main import main
from seg_node.errors import DatasetError
from seg_node.evaluation import as_json, as_text, evaluate, json_text, pooled_json, read_part
from tiny import Scenes, TAXONOMY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seg_node.pipeline import Segmenter

    Files = list[Path]


@pytest.fixture
def files(make_segmenter: Callable[..., Segmenter], scenes: Scenes, tmp_path: Path) -> Files:
    """Return what evaluations of the first scene and of the other two wrote."""
    segmenter = make_segmenter()
    paths = []
    for name, part in (('a', scenes.samples[:1]), ('b', scenes.samples[1:])):
        result = evaluate(segmenter, Scenes(TAXONOMY, part), name=name, split='val')
        paths.append(tmp_path / f'{name}.json')
        paths[-1].write_text(json_text(as_json(result)), encoding='utf-8')
    return paths


def change(path: Path, **values: Any) -> None:
    data = json.loads(path.read_text(encoding='utf-8'))
    path.write_text(json.dumps({**data, **values}), encoding='utf-8')


def test_pooled_figures_are_those_of_all_frames_together(
    files: Files, make_segmenter: Callable[..., Segmenter], scenes: Scenes
) -> None:
    pooled = pooled_json([read_part(path) for path in files])

    whole = as_json(evaluate(make_segmenter(), scenes, name='all', split='val'))
    apart = {'kind', 'sources', 'sums'}
    assert {key: pooled[key] for key in pooled.keys() - apart} == {
        key: whole[key] for key in pooled.keys() - apart
    }
    assert [source['dataset'] for source in pooled['sources']] == ['a', 'b']
    assert pooled['drivable']['at_half']['recall'] > 0


def test_a_pool_can_be_pooled(files: Files, tmp_path: Path) -> None:
    path = tmp_path / 'pooled.json'
    at_once = pooled_json([read_part(path) for path in files])
    path.write_text(json_text(pooled_json([read_part(files[0])])), encoding='utf-8')

    in_steps = pooled_json([read_part(path), read_part(files[1])])

    assert in_steps == at_once


def test_a_manifest_can_take_a_pool_at_the_best_temperature(files: Files) -> None:
    data = pooled_json([read_part(path) for path in files])
    data['temperature'] = data['best_temperature']
    files[0].write_text(json_text(data), encoding='utf-8')

    quality = read_quality(files[0])

    assert quality.temperature == data['best_temperature']
    assert quality.figures['drivable']['at_half']['recall'] > 0
    assert quality.drivable_threshold is None  # there is nobody on this road


def test_text_of_a_pool_names_its_parts(files: Files) -> None:
    text = as_text(pooled_json([read_part(path) for path in files]))

    assert 'data     a, split val, 1 frames' in text
    assert 'data     b, split val, 2 frames' in text
    assert 'engine   fp32' in text
    assert 'green road' in text
    assert 'drivable area' in text


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        pytest.param(
            {'format': '1.1'}, r"b\.json' has format '1\.1'; expected '1\.2'", id='format'
        ),
        pytest.param({'temperature': 2.0}, 'has temperature 2.0', id='temperature'),
        pytest.param({'precision': 'int8'}, "has precision 'int8', .*'fp32'", id='precision'),
        pytest.param({'protocol': 'flip'}, "has protocol 'flip'", id='protocol'),
        pytest.param({'sums': {}}, "b.json' cannot be pooled: KeyError: 'taxonomy'", id='sums'),
    ],
)
def test_files_that_do_not_fit_together_are_refused(
    files: Files, values: dict[str, Any], message: str
) -> None:
    change(files[1], **values)

    with pytest.raises(DatasetError, match=message):
        pooled_json([read_part(path) for path in files])


def test_other_classes_are_refused(files: Files) -> None:
    sums = json.loads(files[1].read_text(encoding='utf-8'))['sums']
    sums['taxonomy']['classes'][0]['name'] = 'fire'
    change(files[1], sums=sums)

    with pytest.raises(DatasetError, match='Evaluate all with the same --taxonomy'):
        pooled_json([read_part(path) for path in files])


def test_a_frame_in_two_files_is_refused_whatever_its_name(files: Files) -> None:
    sums = json.loads(files[0].read_text(encoding='utf-8'))['sums']
    sums['frames'][0][0] = 'another name'
    change(files[0], sums=sums)

    with pytest.raises(DatasetError, match=r"has 1 frames that were counted before.*'another"):
        pooled_json([read_part(files[1]), read_part(files[0]), read_part(files[0])])


def test_command_prints_and_writes(
    files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / 'new' / 'pooled.json'

    status = main(['pool', *map(str, files), '--json', str(target)])

    assert status == 0
    assert 'mean IoU' in capsys.readouterr().out
    assert json.loads(target.read_text(encoding='utf-8'))['kind'] == 'pool'


def test_command_says_what_is_wrong(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(['pool', str(files[0]), str(files[0])])

    assert status == 1
    assert capsys.readouterr().err.startswith('seg: error: ')
