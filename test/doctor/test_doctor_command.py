# SPDX-License-Identifier: Apache-2.0
"""``seg doctor``: table, JSON, exit status, parameter files."""

from __future__ import annotations

from importlib.util import find_spec
import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seg_node.cli.main import main
from seg_node.doctor import as_json, as_text, Finding
from seg_node.doctor.settings import read_settings
from seg_node.errors import ParameterError

if TYPE_CHECKING:
    from seg_node.bundle import Bundle

REPORT = {
    'first': (Finding('ok', 'one', 'fine'), Finding('warn', 'second', 'so so', 'do this')),
    'last': (Finding('fail', 'x', 'broken ' * 30, 'mend it'),),
}


def test_table_has_groups_remedies_and_a_verdict() -> None:
    lines = as_text(REPORT).splitlines()

    assert lines[:5] == [
        'first',
        '  ok    one     fine',
        '  warn  second  so so',
        '                > do this',
        '',
    ]
    assert max(map(len, lines)) <= 110
    assert lines[-1] == '3 checks: 1 failed, 1 warnings.'


def test_json_has_the_same_and_tells_whether_something_failed() -> None:
    plain = as_json(REPORT)

    assert plain['failed'] is True
    assert plain['groups']['first'][1] == {
        'level': 'warn',
        'name': 'second',
        'found': 'so so',
        'remedy': 'do this',
    }
    assert json.loads(json.dumps(plain)) == plain


@pytest.mark.needs_onnx
@pytest.mark.needs_onnxruntime
def test_good_system_ends_with_0_and_a_broken_bundle_with_1(
    bundle: Bundle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ['doctor', '--bundle', str(bundle.path), '--no-images']
    file = tmp_path / 'doctor.json'

    assert main([*words, '--json', str(file)]) == 0
    assert 'engine onnxruntime' in capsys.readouterr().out
    assert json.loads(file.read_text(encoding='utf-8'))['failed'] is False

    bundle.onnx_path.write_bytes(b'')
    assert main([*words, '--json', '-']) == 1
    assert json.loads(capsys.readouterr().out)['failed'] is True


@pytest.mark.needs_onnx
def test_doctor_works_without_ros_and_says_so(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in ('middleware', 'large_images', 'topic'):
        monkeypatch.setattr(
            f'seg_node.doctor.{module}.find_spec',
            lambda name: None if name == 'rclpy' else find_spec(name),
        )

    main(['doctor', '--bundle', str(bundle.path), '--topic', '/image'])

    out = capsys.readouterr().out
    assert 'has no rclpy' in out
    assert 'not sent: there is no ROS here' in out
    assert 'not watched: there is no ROS here' in out


def test_removal_says_what_it_had_to_leave(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr('seg_node.cli.doctor_command.remove_stale', lambda: 5_000_000)
    monkeypatch.setattr('seg_node.cli.doctor_command.stale_warning', lambda: 'One of user 7.')
    monkeypatch.setattr('seg_node.cli.doctor_command.examine', lambda _: {})

    assert main(['doctor', '--remove-stale']) == 0

    printed = capsys.readouterr().err.splitlines()
    assert printed == ['removed: 5 MB of shared memory', 'One of user 7.']


def test_settings_come_from_the_parameter_file_of_any_node(tmp_path: Path) -> None:
    path = tmp_path / 'my.yaml'
    path.write_text(
        '/front/seg_node:\n  ros__parameters:\n    threads: 9\n'
        '    crf: {enabled: true, threads: 3}\n',
        encoding='utf-8',
    )

    settings = read_settings(path)

    assert settings.threads == {'threads': 9, 'opencv_threads': 1, 'crf.threads': 3}
    assert settings.crf


def test_settings_without_a_file_are_the_defaults() -> None:
    assert read_settings(None).threads['threads'] == 2


@pytest.mark.parametrize('text', ['- a list\n', 'seg_node: {threads: 2}\n', '{', None])
def test_file_that_has_no_parameters_is_refused(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / 'my.yaml'
    if text is not None:
        path.write_text(text, encoding='utf-8')

    with pytest.raises(ParameterError, match='parameter file'):
        read_settings(path)


def test_thread_count_that_is_no_number_is_refused(tmp_path: Path) -> None:
    path = Path(tmp_path / 'my.yaml')
    path.write_text('a:\n  ros__parameters: {threads: many}\n', encoding='utf-8')

    with pytest.raises(ParameterError, match='many'):
        read_settings(path)
