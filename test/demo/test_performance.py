# SPDX-License-Identifier: Apache-2.0
"""Parts of a run that need no processes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
import signal
import time

import pytest
import yaml

from seg_node.demo import DemoOptions
from seg_node.demo.performance import (
    bearable_rate,
    node_arguments,
    perform,
    Performance,
)
from seg_node.demo.reel import Reel
from seg_node.processes import Crew, Event


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


def test_sigterm_ends_the_processes_of_the_demo_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    endings: list[object] = []

    def ended(_crew: object, kind: object, *_: object) -> None:
        endings.append(kind)

    def terminated(*_: object) -> None:
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Crew, '__exit__', ended)
    monkeypatch.setattr('seg_node.demo.performance.start', terminated)
    reel = Reel(tmp_path, tmp_path, 0, frozenset())
    before = signal.signal(signal.SIGTERM, lambda *_: None)  # else a failure would end the tests
    try:
        with pytest.raises(SystemExit):
            perform(DemoOptions(tmp_path), tmp_path, reel, tmp_path, tmp_path)
    finally:
        signal.signal(signal.SIGTERM, before)

    assert endings == [SystemExit]
