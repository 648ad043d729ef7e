# SPDX-License-Identifier: Apache-2.0
"""Settings of ROS and DDS."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seg_node.doctor import middleware
from seg_node.doctor.middleware import look_at_middleware
from seg_node.ros.transport import PROFILE_VARIABLES
from seg_node.ros.transport.shared_memory import Room, SHARED_MEMORY

if TYPE_CHECKING:
    from seg_node.doctor import Finding

CONFIG = Path(__file__).parents[2] / 'config'
VARIABLES = (
    *PROFILE_VARIABLES,
    'FASTDDS_BUILTIN_TRANSPORTS',
    'RMW_IMPLEMENTATION',
    'ROS_AUTOMATIC_DISCOVERY_RANGE',
    'ROS_DOMAIN_ID',
    'ROS_LOCALHOST_ONLY',
    'ROS_PYTHON_CHECK_FIELDS',
    'ROS_STATIC_PEERS',
)


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell in which nothing is set, Kilted, and much shared memory without leftovers."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(middleware, 'profile_variables', lambda: PROFILE_VARIABLES[:1])
    monkeypatch.setattr(middleware, 'room', lambda: Room(8_000_000_000, 7_000_000_000))
    monkeypatch.setattr(middleware, 'stale_warning', lambda: '')


def found() -> dict[str, Finding]:
    """Return the findings by name."""
    return {one.name: one for one in look_at_middleware()}


def test_shell_without_a_profile_is_warned_of_with_the_line_to_type() -> None:
    finding = found()['profile of this shell']

    assert finding.level == 'warn'
    assert finding.remedy.startswith('export FASTDDS_DEFAULT_PROFILES_FILE=/')
    assert Path(finding.remedy.partition('=')[2]).is_file()


def test_transports_of_the_user_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('FASTDDS_BUILTIN_TRANSPORTS', 'LARGE_DATA')

    finding = found()['profile of this shell']

    assert finding.level == 'note'
    assert finding.found.startswith('FASTDDS_BUILTIN_TRANSPORTS=LARGE_DATA')


@pytest.mark.parametrize('file', ['fastdds_large_images.xml', 'fastdds_small_shm.xml'])
def test_shipped_profile_is_fine(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PROFILE_VARIABLES[0], str(CONFIG / file))

    assert found()['profile of this shell'].level == 'ok'


def test_variable_that_this_ros_does_not_read_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(PROFILE_VARIABLES[1], str(CONFIG / 'fastdds_large_images.xml'))

    assert found()['profile of this shell'].level == 'warn'


@pytest.mark.parametrize(
    ('text', 'level'),
    [
        ('<dds><segment_size>1000</segment_size></dds>', 'warn'),
        ('<dds><segment_size> 268435456 </segment_size></dds>', 'ok'),
        ('<dds><segment_size>128MB</segment_size></dds>', 'fail'),
        ('<dds><segment_size/></dds>', 'fail'),
        ('<?xml version="1.0" encoding="klingon"?><dds/>', 'fail'),
        ('<dds></dds>', 'warn'),
        ('<dds>', 'fail'),
        (None, 'fail'),
    ],
)
def test_profile_of_the_user_is_read(
    text: str | None, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'mine.xml'
    if text is not None:
        path.write_text(text, encoding='utf-8')
    monkeypatch.setenv(PROFILE_VARIABLES[0], str(path))

    assert found()['profile of this shell'].level == level


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('<dds/>', 'sets no segment size: Fast DDS takes its own'),
        (
            '<dds><segment_size>128MB</segment_size></dds>',
            "segment_size is '128MB'; expected bytes",
        ),
    ],
)
def test_profile_that_sets_no_size_is_told_from_a_small_one(
    text: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'mine.xml'
    path.write_text(text, encoding='utf-8')
    monkeypatch.setenv(PROFILE_VARIABLES[0], str(path))

    assert words in found()['profile of this shell'].found


@pytest.mark.parametrize(
    ('free', 'level'), [(7000, 'ok'), (200, 'warn'), (64, 'warn'), (9, 'fail')]
)
def test_room_is_judged(free: int, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, 'room', lambda: Room(8 * 10**9, free * 10**6))

    assert found()[str(SHARED_MEMORY)].level == level


def test_stale_segments_are_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'Processes left 3 segments. Remove them: "seg doctor --remove-stale".'
    monkeypatch.setattr(middleware, 'stale_warning', lambda: text)

    finding = found()['stale segments']

    assert finding.level == 'warn'
    assert finding.remedy == '"seg doctor --remove-stale"'


@pytest.mark.parametrize(
    ('value', 'level'),
    [
        ('', 'ok'),
        ('7', 'ok'),
        ('101', 'ok'),
        ('102', 'warn'),
        ('214', 'warn'),
        ('215', 'ok'),
        ('232', 'ok'),
        ('233', 'fail'),
        ('-1', 'fail'),
        ('a', 'fail'),
    ],
)
def test_domain_is_judged(value: str, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('ROS_DOMAIN_ID', value)

    assert found()['ROS_DOMAIN_ID'].level == level


@pytest.mark.parametrize(
    ('variables', 'level'),
    [
        ({'ROS_LOCALHOST_ONLY': '1'}, 'ok'),
        ({'ROS_LOCALHOST_ONLY': '1', 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET'}, 'warn'),
        ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'OFF'}, 'fail'),
        ({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST', 'ROS_STATIC_PEERS': '10.0.0.2'}, 'ok'),
    ],
)
def test_discovery_is_judged(
    variables: dict[str, str], level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert found()['discovery'].level == level


def test_other_middleware_is_noted_and_what_is_of_fast_dds_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv('RMW_IMPLEMENTATION', 'rmw_zenoh_cpp')

    findings = found()

    assert findings['middleware'].level == 'note'
    assert 'not tested' in findings['middleware'].found
    assert {str(SHARED_MEMORY), 'profile of this shell', 'stale segments'}.isdisjoint(findings)


@pytest.mark.parametrize(('size', 'level'), [(212992, 'note'), (33554432, 'ok'), (None, 'note')])
def test_receive_buffer_is_judged(
    size: int | None, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'rmem_max'
    if size is not None:
        path.write_text(f'{size}\n', encoding='ascii')
    monkeypatch.setattr(middleware, 'RECEIVE_BUFFER', path)

    assert found()['net.core.rmem_max'].level == level


def test_absent_ros_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, 'find_spec', lambda _: None)

    finding = found()['ROS 2']

    assert finding.level == 'note'
    assert 'setup.bash' in finding.remedy
