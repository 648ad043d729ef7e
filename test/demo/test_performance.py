# SPDX-License-Identifier: Apache-2.0
"""Parts of a run that need no processes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
import socket
import subprocess
import sys
import time

import pytest
import yaml

from seg_node.demo import DemoOptions
from seg_node.demo.crew import Event
from seg_node.demo.performance import (
    bearable_rate,
    environment,
    free_domain,
    node_arguments,
    Performance,
    refuse_error,
)
from seg_node.errors import DemoError


def test_bearable_rate_is_the_drives_where_the_node_is_fast() -> None:
    assert bearable_rate([9.0, 9.0, 0.05, 0.05], 8.0, 0.75) == 8.0


def test_bearable_rate_leaves_a_margin_and_forgets_slow_first_frames() -> None:
    assert bearable_rate([9.0, 9.0, 9.0, 0.5, 0.4, 0.5], 8.0, 0.75) == pytest.approx(0.75 / 0.5)


def test_node_arguments_are_parameters_in_yaml() -> None:
    options = DemoOptions(Path('out'), engine='fake', crf='on')

    arguments = node_arguments(options, Path('/models/my: "best" #1'))

    pairs = [one for flag, one in pairwise(arguments) if flag == '-p']
    values = {name: yaml.safe_load(text) for name, _, text in (p.partition(':=') for p in pairs)}
    assert values['bundle'] == '/models/my: "best" #1'
    assert values['engine'] == 'fake'
    assert values['crf.enabled'] is True


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
        [sys.executable, '-c', 'import os, seg_node.demo; print(os.environ["ROS_DOMAIN_ID"])'],
        env=environment(7),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) == ('7\n', '')


def record(topic: str, stamp: int) -> Event:
    entries = [{'values': {'received': '1'}}]
    return Event('recorder', 'record', {'topic': topic, 'stamp_ns': stamp, 'entries': entries})


def test_performance_is_complete_with_the_answer_to_the_last_image() -> None:
    performance = Performance()
    for index in range(2):
        performance.take(Event('camera', 'sent', {'name': str(index), 'stamp_ns': index}))

    performance.take(record('status', 0))
    early = performance.complete()
    performance.take(record('mask', 1))
    performance.take(record('status', 1))

    assert not early
    assert performance.complete()
    assert performance.masks == {1}
    assert performance.sent == [('0', 0), ('1', 1)]


def test_performance_is_complete_when_nothing_comes_any_more() -> None:
    performance = Performance(sent=[('0', 0)], last_answer=time.monotonic() - 60)

    assert performance.complete()


def test_performance_is_counted_with_diagnostics_after_the_last_answer() -> None:
    performance = Performance(last_answer=time.monotonic() - 60)

    before = performance.counted()
    performance.take(record('diagnostics', 5))

    assert not before
    assert performance.counted()
    assert performance.diagnostics == {'received': '1'}


def test_error_of_the_node_is_passed_on_in_its_own_words() -> None:
    entries = [{'values': {'last_error': 'configure: There is no bundle.'}}]

    with pytest.raises(DemoError, match='could not start: configure: There is no bundle'):
        refuse_error(Event('recorder', 'record', {'topic': 'diagnostics', 'entries': entries}))
