# SPDX-License-Identifier: Apache-2.0
"""The profiles take effect: participants really have the segments that they ask for."""

from __future__ import annotations

import os
from pathlib import Path
import subprocess
import sys

import pytest

from seg_node.ros.transport import PROFILE_VARIABLES, profile_variables
from seg_node.ros.transport.profile import LARGE, SMALL
from seg_node.ros.transport.shared_memory import room, segment_of

pytestmark = pytest.mark.needs_ros
CONFIG = Path(__file__).parents[2] / 'config'
ROOT = Path(__file__).parents[2]
# Sets what the node sets before it loads the middleware, and becomes a participant.
PARTICIPANT = """
import sys
from seg_node.ros.transport import use_shared_memory_profile
if sys.argv[1] == 'profile':
    use_shared_memory_profile()
import rclpy
rclpy.init()
node = rclpy.create_node('participant')
print('ready', flush=True)
sys.stdin.readline()
rclpy.shutdown()
"""


def segment_size(*words: str, **variables: str) -> int:
    """Return the size of the segment of a participant [bytes]; a variable is set, if not empty."""
    environment = {name: one for name, one in os.environ.items() if name not in PROFILE_VARIABLES}
    environment |= {name: one for name, one in variables.items() if one}
    process = subprocess.Popen(
        [sys.executable, '-c', PARTICIPANT, *words],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**environment, 'ROS_DOMAIN_ID': '98'},
    )
    with process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        found = segment_of(process.pid & 0xFFFF)
        process.stdin.close()
    assert found is not None
    return found.size


def test_without_a_profile_large_images_have_no_room() -> None:
    assert segment_size('nothing') < 1920 * 1080


def test_shipped_profile_takes_effect() -> None:
    size = room()
    if size is None or size.free < LARGE.least_free:
        pytest.skip('there is no room for it here')

    assert 128 << 20 <= segment_size('profile') <= LARGE.least_free // 2


def test_small_profile_takes_effect_in_the_variable_that_is_read() -> None:
    (name,) = profile_variables()
    path = str(CONFIG / SMALL.file)

    assert 16 << 20 <= segment_size('nothing', **{name: path}) <= SMALL.least_free


def test_profile_of_the_user_wins_over_the_shipped_one() -> None:
    (name,) = profile_variables()

    assert segment_size('profile', **{name: str(CONFIG / SMALL.file)}) <= SMALL.least_free


@pytest.mark.slow
@pytest.mark.parametrize('variable', ['ROS_LOCALHOST_ONLY', 'ROS_AUTOMATIC_DISCOVERY_RANGE'])
def test_profile_keeps_its_segment_under_settings_of_discovery(variable: str) -> None:
    value = '1' if variable == 'ROS_LOCALHOST_ONLY' else 'LOCALHOST'
    (name,) = profile_variables()
    chosen = {name: str(CONFIG / SMALL.file), variable: value}

    assert segment_size('nothing', **chosen) >= 16 << 20
