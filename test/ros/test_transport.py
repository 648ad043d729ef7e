# SPDX-License-Identifier: Apache-2.0
"""The DDS profiles, what chooses between them, and malloc."""

from __future__ import annotations

from pathlib import Path
import platform
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from seg_node.ros.transport import keep_large_blocks, PROFILE_VARIABLES, use_shared_memory_profile
from seg_node.ros.transport.profile import LARGE, PROFILES_IN_FOLDER, SMALL
from seg_node.ros.transport.shared_memory import Room

if TYPE_CHECKING:
    from collections.abc import Callable

CONFIG = Path(__file__).parents[2] / 'config'
LARGEST_IMAGE = 3840 * 2160 * 4
FULL_HD = 1920 * 1080 * 3
DOCKER = 64 << 20
MEGABYTE = 1_000_000


@pytest.fixture(autouse=True)
def set_room(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return a function that sets how many megabytes of shared memory are free; 8 GB at first."""

    def say(free: int) -> None:
        size = Room(max(free, 64) * MEGABYTE, free * MEGABYTE)
        monkeypatch.setattr('seg_node.ros.transport.profile.room', lambda: size)

    say(8000)
    return say


def segment_size(file: str) -> int:
    """Return the one segment size in a profile [bytes]."""
    tree = ET.parse(CONFIG / file)  # noqa: S314  # our own file
    (size,) = [int(one.text or 0) for one in tree.iter() if one.tag.endswith('segment_size')]
    return size


@pytest.mark.parametrize(('version', 'index'), [('9.1.2', 0), ('7.1.6', 1), ('3.3.15', 1)])
def test_profile_goes_to_the_variable_that_this_ros_reads(
    version: str, index: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('importlib.metadata.version', lambda _: version)
    environment: dict[str, str] = {}

    path = use_shared_memory_profile(environment)

    assert environment == {PROFILE_VARIABLES[index]: path}
    assert Path(path).is_file()


@pytest.mark.parametrize('free', [8000, 60, 1])
@pytest.mark.parametrize('name', PROFILE_VARIABLES)
def test_profile_of_the_user_is_left_alone(
    name: str, free: int, set_room: Callable[[int], None]
) -> None:
    set_room(free)
    environment = {name: '/my/profile.xml', 'RMW_IMPLEMENTATION': 'rmw_fastrtps_cpp'}

    said = use_shared_memory_profile(environment)

    assert environment == {name: '/my/profile.xml', 'RMW_IMPLEMENTATION': 'rmw_fastrtps_cpp'}
    assert said == f'{name}=/my/profile.xml (already set)'


def test_transports_that_the_user_chose_are_not_overruled() -> None:
    environment = {'FASTDDS_BUILTIN_TRANSPORTS': 'UDPv4'}

    said = use_shared_memory_profile(environment)

    assert environment == {'FASTDDS_BUILTIN_TRANSPORTS': 'UDPv4'}
    assert said == 'none: FASTDDS_BUILTIN_TRANSPORTS=UDPv4 (already set)'


@pytest.mark.parametrize('name', PROFILES_IN_FOLDER)
def test_profiles_in_the_working_directory_are_not_overruled(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    environment: dict[str, str] = {}
    skipping = {'SKIP_DEFAULT_XML_FILE': '1'}

    said = use_shared_memory_profile(environment)
    use_shared_memory_profile(skipping)

    assert environment == {}
    assert said == f'none: {tmp_path / name} (already set)'
    assert len(skipping) > 1


@pytest.mark.parametrize(
    ('free', 'file'),
    [(8000, LARGE.file), (300, LARGE.file), (280, SMALL.file), (64, SMALL.file), (20, SMALL.file)],
)
def test_profile_is_the_largest_that_there_is_room_for(
    free: int, file: str, set_room: Callable[[int], None]
) -> None:
    set_room(free)
    environment: dict[str, str] = {}

    said = use_shared_memory_profile(environment)

    assert {Path(path).name for path in environment.values()} == {file}
    assert said.startswith(str(CONFIG / file))
    assert (f'{free} of {max(free, 64)} MB free' in said) == (file == SMALL.file)


def test_no_profile_is_set_where_not_even_the_small_one_fits(
    set_room: Callable[[int], None],
) -> None:
    set_room(10)
    environment: dict[str, str] = {}

    said = use_shared_memory_profile(environment)

    assert environment == {}
    assert said.startswith('none: /dev/shm has 10 of 64 MB free; large images will be lost')


def test_large_profile_holds_several_of_the_largest_images() -> None:
    assert segment_size(LARGE.file) > 3 * LARGEST_IMAGE


def test_small_profile_holds_two_images_and_three_processes_fit_into_docker() -> None:
    size = segment_size(SMALL.file)

    assert size > 2 * FULL_HD
    assert 3 * SMALL.least_free < DOCKER


@pytest.mark.parametrize('profile', [LARGE, SMALL])
def test_profile_has_room_for_its_segment_and_what_fast_dds_adds(profile: object) -> None:
    size = segment_size(profile.file)  # type: ignore[attr-defined]  # a Profile

    assert profile.least_free > 1.046 * size  # type: ignore[attr-defined]  # measured: 4.7 % more


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='there is no glibc')
def test_keep_large_blocks_is_accepted_by_glibc() -> None:
    assert keep_large_blocks()
