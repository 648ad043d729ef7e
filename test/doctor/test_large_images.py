# SPDX-License-Identifier: Apache-2.0
"""Images of 1920 x 1080 pass from process to process, with much and with little shared memory."""

from __future__ import annotations

from contextlib import nullcontext
import json
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from seg_node.doctor.large_images import send_large_images
from seg_node.ros.transport import PROFILE_VARIABLES
from seg_node.ros.transport.profile import SMALL

if TYPE_CHECKING:
    from seg_node.doctor import Finding

pytestmark = pytest.mark.needs_ros
ROOT = Path(__file__).parents[2]
# As in a container that docker starts without --shm-size.
IN_DOCKER = """
mount -t tmpfs -o size=64m tmpfs /dev/shm || exit 77
exec "$0" -c '
import json
from seg_node.doctor.large_images import send_large_images
from seg_node.ros.transport import use_shared_memory_profile
print(json.dumps([use_shared_memory_profile({}), [one.found for one in send_large_images()]]))
'
"""
NOT_PERMITTED = 77
UNSHARE = shutil.which('unshare')


FEW = 3  # a machine with other things to do drops one now and then
MANY = 8  # a busy machine sends more slowly, which loses less


def number(found: str) -> int:
    """Return how many images were lost, of thirty."""
    lost, _, rest = found.partition(' of 30 images')
    assert rest
    return int(lost)


def lost(finding: Finding) -> int:
    """Return how many images were lost, of thirty."""
    return number(finding.found)


@pytest.fixture(autouse=True)
def no_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has chosen one."""
    for name in PROFILE_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_node_gets_what_it_sends_and_a_camera_with_the_defaults_loses() -> None:
    as_node, as_camera = send_large_images()

    assert lost(as_node) <= FEW
    assert 'ms on the way' in as_node.found
    assert lost(as_camera) > MANY
    assert as_camera.level == 'warn'
    assert 'profile' in as_camera.remedy


@pytest.mark.parametrize(
    ('middleware', 'page'),
    [('rmw_fastrtps_cpp', 'docs/transport.md'), ('rmw_zenoh_cpp', 'docs/middleware.md')],
)
def test_remedy_is_that_of_the_middleware(
    middleware: str, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('RMW_IMPLEMENTATION', middleware)
    monkeypatch.setattr('seg_node.doctor.large_images.apart', nullcontext)
    monkeypatch.setattr('seg_node.doctor.large_images._send', lambda *_: (30, []))

    for finding in send_large_images():
        assert re.findall(r'docs/\w+\.md', finding.remedy) == [page]


@pytest.mark.slow
def test_camera_with_the_profile_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROFILE_VARIABLES:
        monkeypatch.setenv(name, str(ROOT / 'config' / SMALL.file))

    assert max(lost(one) for one in send_large_images()) <= FEW


@pytest.mark.skipif(UNSHARE is None, reason='there is no unshare')
def test_images_pass_in_the_64_megabytes_that_docker_gives() -> None:
    done = subprocess.run(
        [str(UNSHARE), '--mount', 'sh', '-c', IN_DOCKER, sys.executable],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode in (1, NOT_PERMITTED) and not done.stdout:
        pytest.skip(f'mounting is not permitted here: {done.stderr.strip()}')

    assert done.returncode == 0, done.stderr
    profile, (as_node, as_camera) = json.loads(done.stdout)
    assert SMALL.file in profile
    assert number(as_node) <= FEW
    assert number(as_camera) > MANY
