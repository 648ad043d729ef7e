# SPDX-License-Identifier: Apache-2.0
"""A domain that nobody else uses, and what a process finds in its environment."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

from seg_node.processes import environment, free_domain

if TYPE_CHECKING:
    from pathlib import Path


def test_free_domain_passes_over_one_in_use() -> None:
    first = free_domain(40)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(('', 7400 + 250 * first + 10))
        second = free_domain(40)

    assert second != first
    assert 1 <= first <= 101
    assert 1 <= second <= 101


def test_free_domain_begins_elsewhere_for_another_process() -> None:
    assert len({free_domain(number) for number in range(5)}) > 1


def test_environment_lets_a_child_import_this_code_from_anywhere(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            '-c',
            'import os, seg_node.processes; print(os.environ["ROS_DOMAIN_ID"])',
        ],
        env=environment(7),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) == ('7\n', '')


def test_processes_are_given_a_quiet_domain_of_their_own() -> None:
    found = environment(free_domain(os.getpid()))

    assert 1 <= int(found['ROS_DOMAIN_ID']) <= 101
    assert found['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'
