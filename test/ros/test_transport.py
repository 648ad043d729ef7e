# SPDX-License-Identifier: Apache-2.0
"""The DDS profile and malloc."""

from __future__ import annotations

from pathlib import Path
import platform
from xml.etree import ElementTree as ET

import pytest

from seg_node.ros.transport import keep_large_blocks, PROFILE_VARIABLES, use_shared_memory_profile

LARGEST_IMAGE = 3840 * 2160 * 4


@pytest.mark.parametrize(('version', 'index'), [('9.1.2', 0), ('7.1.6', 1), ('3.3.15', 1)])
def test_profile_goes_to_the_variable_that_this_ros_reads(
    version: str, index: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('importlib.metadata.version', lambda _: version)
    environment: dict[str, str] = {}

    path = use_shared_memory_profile(environment)

    assert environment == {PROFILE_VARIABLES[index]: path}
    assert Path(path).is_file()


@pytest.mark.parametrize('name', PROFILE_VARIABLES)
def test_profile_of_the_user_is_left_alone(name: str) -> None:
    environment = {name: '/my/profile.xml'}

    said = use_shared_memory_profile(environment)

    assert environment == {name: '/my/profile.xml'}
    assert said == f'{name}=/my/profile.xml (already set)'


def test_shipped_profile_holds_several_of_the_largest_images() -> None:
    path = use_shared_memory_profile({})
    tree = ET.parse(path)  # noqa: S314  # our own file

    sizes = [int(one.text or 0) for one in tree.iter() if one.tag.endswith('segment_size')]

    assert len(sizes) == 1
    assert sizes[0] > 3 * LARGEST_IMAGE


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='there is no glibc')
def test_keep_large_blocks_is_accepted_by_glibc() -> None:
    assert keep_large_blocks()
