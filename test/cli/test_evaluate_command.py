# SPDX-License-Identifier: Apache-2.0
"""``seg evaluate`` from the words of a user to what is printed and written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from seg_node.bundle import write_bundle
from seg_node.cli import evaluate_command
from seg_node.cli.main import main
from tiny import tiny_manifest, write_folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def bundle(tmp_path: Path) -> str:
    """Return the folder of a bundle whose network is never looked at."""
    network = tmp_path / 'network'
    network.write_bytes(b'')  # the fake engine does not read it
    return str(write_bundle(tmp_path / 'bundle', tiny_manifest(), {'model.onnx': network}).path)


@pytest.fixture
def data(tmp_path: Path) -> str:
    """Return a folder of five scenes."""
    return str(write_folder(tmp_path / 'data', 5))


def test_a_table_is_printed_and_numbers_are_written(
    bundle: str, data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = tmp_path / 'new' / 'scores.json'

    status = main(['evaluate', bundle, data, '--engine', 'fake', '--json', str(scores)])

    assert status == 0
    printed = capsys.readouterr().out
    numbers = json.loads(scores.read_text(encoding='utf-8'))
    assert 'green road' in printed
    assert f'{100 * numbers["mean_iou"]:.2f} %' in printed
    assert (numbers['frames'], numbers['split'], numbers['dataset']) == (5, 'val', data)
    assert 0 < numbers['mean_iou'] < 1


def test_json_on_stdout_stands_alone(
    bundle: str, data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(['evaluate', bundle, data, '--engine', 'fake', '--json', '-', '--limit', '2'])

    assert json.loads(capsys.readouterr().out)['frames'] == 2


@pytest.mark.parametrize('precision', ['fp32', 'int8'])
def test_precision_is_the_one_that_is_asked_for(
    bundle: str, data: str, precision: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = str(tmp_path / 'scores.json')
    words = ['--engine', 'fake', '--precision', precision, '--limit', '1', '--json', scores]

    assert main(['evaluate', bundle, data, *words]) == 0

    assert json.loads((tmp_path / 'scores.json').read_text())['engine']['precision'] == precision
    assert f'{precision}, threads: 1' in capsys.readouterr().out


def test_pictures_are_drawn_where_asked(bundle: str, data: str, tmp_path: Path) -> None:
    main(['evaluate', bundle, data, '--engine', 'fake', '--out', str(tmp_path / 'pictures')])

    names = sorted(path.name for path in (tmp_path / 'pictures').iterdir())
    assert names == ['samples.png', 'worst.png']


def test_a_page_is_written_where_asked(bundle: str, data: str, tmp_path: Path) -> None:
    main(['evaluate', bundle, data, '--engine', 'fake', '--report', str(tmp_path / 'page')])

    names = sorted(path.name for path in (tmp_path / 'page').iterdir())
    assert names == ['figures.json', 'index.html']


def test_temperature_of_the_command_line_overrules_that_of_the_bundle(
    bundle: str, data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for words in ([], ['--temperature', '3']):
        main(['evaluate', bundle, data, '--engine', 'fake', '--json', '-', *words])
        found.append(json.loads(capsys.readouterr().out))

    assert [one['temperature'] for one in found] == [1.0, 3.0]
    assert found[0]['mean_iou'] == found[1]['mean_iou']
    assert found[0]['mean_entropy'] < found[1]['mean_entropy']
    assert found[0]['best_temperature'] == found[1]['best_temperature']


def test_the_protocol_that_was_used_is_said(
    bundle: str, data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    looks = ['--flip', '--scales', '0.75,1', '--slide']

    main(['evaluate', bundle, data, '--engine', 'fake', '--limit', '1', *looks])

    printed = capsys.readouterr().out
    assert 'protocol scales 0.75, 1, flip, sliding window, temperature 1' in printed


def test_corruptions_are_measured_drawn_and_reported(
    bundle: str, data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = {word: str(tmp_path / word) for word in ('json', 'out', 'report')}
    words = [part for word, place in places.items() for part in (f'--{word}', place)]

    main(
        ['evaluate', bundle, data, '--engine', 'fake', '--limit', '1', '--corrupt', 'all', *words]
    )

    printed = capsys.readouterr().out
    numbers = json.loads((tmp_path / 'json').read_text(encoding='utf-8'))
    assert list(numbers['corruptions']) == ['night', 'rain', 'blur', 'glare', 'jpeg']
    assert numbers['kind'] == 'robustness'
    for words_of_table in ('mean IoU %', 'ECE %', 'mean entropy %'):
        assert words_of_table in printed
    assert (tmp_path / 'out' / 'corruptions.png').stat().st_size > 10_000
    assert (tmp_path / 'report' / 'index.html').is_file()


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--temperature', '0'], "expected a number above 0, not '0'"),
        (['--temperature', 'hot'], "expected a number above 0, not 'hot'"),
        (['--scales', '1,,2'], "expected a number above 0, not ''"),
        (['--corrupt', 'fog'], "invalid choice: 'fog'"),
        (['--crf-entropy-threshold', '2'], "expected a number from 0 to 1, not '2'"),
        (['--crf-threads', '0'], "expected a whole number of at least 1, not '0'"),
        (['--crf-mode', 'quick'], "invalid choice: 'quick'"),
    ],
)
def test_what_no_run_can_mean_is_wrong_usage(
    bundle: str, data: str, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(['evaluate', bundle, data, *words])

    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_the_crf_is_used_where_asked(
    bundle: str, data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = '--crf classic --crf-backend numpy --crf-threads 2 --crf-min-uncertain-fraction 0'

    main(['evaluate', bundle, data, '--engine', 'fake', '--json', '-', *words.split()])

    found = json.loads(capsys.readouterr().out)
    assert found['crf_frames'] == {'ran': 5}
    assert found['protocol'].endswith(', dense CRF')
    assert found['crf']['backend'] == 'numpy'
    assert found['crf']['threads'] == 2
    assert found['crf']['min_uncertain_fraction'] == 0
    assert [kernel['kind'] for kernel in found['crf']['kernels']] == ['gaussian', 'bilateral']


def test_without_a_crf_nothing_is_said_of_it(
    bundle: str, data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(['evaluate', bundle, data, '--engine', 'fake', '--json', '-'])

    found = json.loads(capsys.readouterr().out)
    assert found['crf'] is None
    assert 'CRF' not in found['protocol']


def test_preset_that_the_bundle_lacks_is_refused(
    bundle: str, data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['evaluate', bundle, data, '--engine', 'fake', '--crf', 'tuned']) == 1

    assert 'has no tuned CRF preset' in capsys.readouterr().err


def test_options_of_a_crf_that_is_off_are_refused(
    bundle: str, data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['evaluate', bundle, data, '--crf-min-uncertain-fraction', '0']) == 1

    assert '--crf-min-uncertain-fraction is for the dense CRF' in capsys.readouterr().err


def test_an_unknown_crf_is_wrong_usage(
    bundle: str, data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(['evaluate', bundle, data, '--crf', 'modern'])

    assert 'classic' in capsys.readouterr().err


def test_numbers_are_there_even_if_the_pictures_cannot_be_drawn(
    bundle: str,
    data: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(evaluate_command, 'draw_frames', fail)
    scores, pictures = tmp_path / 'scores.json', tmp_path / 'pictures'
    words = ['--engine', 'fake', '--json', str(scores), '--out', str(pictures)]

    with pytest.raises(OSError, match='No space'):
        main(['evaluate', bundle, data, *words])

    assert json.loads(scores.read_text(encoding='utf-8'))['frames'] == 5
    assert 'mean IoU' in capsys.readouterr().out


@pytest.mark.needs_onnx
@pytest.mark.needs_onnxruntime
def test_a_real_network_that_reads_the_classes_off_the_colours_is_nearly_perfect(
    data: str, tmp_path: Path
) -> None:
    from tiny import tiny_bundle  # noqa: PLC0415 - needs onnx

    scores = tmp_path / 'scores.json'
    folder = tiny_bundle(tmp_path / 'real').path

    main(['evaluate', str(folder), data, '--engine', 'onnxruntime', '--json', str(scores)])

    numbers = json.loads(scores.read_text(encoding='utf-8'))
    assert numbers['mean_iou'] > 0.85  # all but the blurred borders
    assert numbers['engine']['name'] == 'onnxruntime'
    assert 'onnxruntime' in numbers['versions']


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        pytest.param(['nowhere', '{data}'], "no bundle 'nowhere'", id='bundle'),
        pytest.param(['{bundle}', 'nowhere'], "Unknown data set 'nowhere'", id='data'),
        pytest.param(['{bundle}', '{data}', '--engine', 'abacus'], "'abacus'", id='engine'),
        pytest.param(
            ['{bundle}', 'procedural:1', '--engine', 'fake'],
            "'tiny3' cannot be mapped to 'cityscapes19'",
            id='taxonomy',
        ),
        pytest.param(
            ['{bundle}', '{data}', '--json', '/dev/null/x.json'], 'cannot be made', id='json'
        ),
        pytest.param(['{bundle}', '{data}', '--scales', '9'], 'from 0.25 to 4', id='scales'),
        pytest.param(
            ['{bundle}', '{data}', '--engine', 'fake', '--crf', 'classic', '--flip'],
            'Leave out --crf',
            id='crf and flip',
        ),
    ],
)
def test_what_cannot_work_is_said_in_a_sentence(
    bundle: str, data: str, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(['evaluate', *(word.format(bundle=bundle, data=data) for word in words)])

    caught = capsys.readouterr()
    assert status == 1
    assert caught.err.startswith('seg: error: ')
    assert message in caught.err
    assert caught.out == ''


def test_a_broken_sample_is_named(
    bundle: str, data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cv2.imwrite(str(tmp_path / 'data' / 'labels' / '3.png'), np.full((90, 120), 9, np.uint8))

    status = main(['evaluate', bundle, data, '--engine', 'fake'])

    assert status == 1
    assert "3.png' holds the ids [9]" in capsys.readouterr().err


def test_threads_below_one_are_wrong_usage(
    bundle: str, data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(['evaluate', bundle, data, '--threads', '0'])

    assert caught.value.code == 2
    assert "at least 1, not '0'" in capsys.readouterr().err
