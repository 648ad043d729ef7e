# SPDX-License-Identifier: Apache-2.0
"""Whether messages in Python look at each element, and how that is told."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from seg_node.doctor import messages
from seg_node.doctor.messages import look_at_messages, VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

READS = f"ros_python_check_fields = getenv('{VARIABLE}', default='')\n"


def install(folder: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``sensor_msgs`` lie in a folder, its image message made of this code."""
    (folder / 'msg').mkdir()
    (folder / 'msg' / '_image.py').write_text(code, encoding='utf-8')
    spec = SimpleNamespace(submodule_search_locations=[str(folder)])
    monkeypatch.setattr(messages, 'find_spec', lambda _: spec)


@pytest.mark.parametrize(
    ('environment', 'level'),
    [({}, 'ok'), ({VARIABLE: ''}, 'ok'), ({VARIABLE: '0'}, 'ok'), ({VARIABLE: 'true'}, 'ok')],
)
def test_only_1_switches_the_checks_on(
    environment: dict[str, str], level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, READS, monkeypatch)

    assert look_at_messages(environment).level == level


def test_checks_that_are_on_are_warned_of_with_how_to_end_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, READS, monkeypatch)

    finding = look_at_messages({VARIABLE: '1'})

    assert finding.level == 'warn'
    assert finding.remedy.startswith(f'unset {VARIABLE}, then start the camera')


@pytest.mark.parametrize('environment', [{}, {VARIABLE: '1'}, {VARIABLE: '0'}])
def test_release_that_does_not_read_the_variable_is_noted(
    environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, 'if __debug__:\n    check()\n', monkeypatch)

    finding = look_at_messages(environment)

    assert finding.level == 'note'
    assert 'do not read' in finding.found


@pytest.mark.parametrize(('value', 'level'), [('1', 'warn'), ('', 'ok')])
def test_shell_without_ros_is_judged_by_its_variable(
    value: str, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, 'find_spec', lambda _: None)

    assert look_at_messages({VARIABLE: value}).level == level


@pytest.mark.needs_ros
@pytest.mark.parametrize('value', ['', '0', '1', 'true'])
def test_installed_messages_check_exactly_where_it_is_said(value: str) -> None:
    """A list with a number that fits no byte is refused by the check alone, by its own error."""
    code = """
from sensor_msgs.msg import Image
try:
    Image().data = [300]
except (AssertionError, OverflowError) as err:
    print(type(err).__name__)
"""
    done = subprocess.run(
        [sys.executable, '-c', code],
        env={**os.environ, VARIABLE: value},
        capture_output=True,
        text=True,
        check=True,
    )

    checks = done.stdout.strip() == 'AssertionError'
    assert (look_at_messages({VARIABLE: value}).level == 'warn') == checks
