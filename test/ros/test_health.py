# SPDX-License-Identifier: Apache-2.0
"""What the node counts about itself."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from seg_node.ros.vitals.health import Health

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def tenths(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A clock that goes on by 0.1 s each time it is asked."""
    clock = count()
    monkeypatch.setattr('time.monotonic', lambda: next(clock) / 10)
    return iter(())


def test_report_counts_frames_and_drops_by_reason() -> None:
    health = Health()
    for _ in range(5):
        health.received()
    health.dropped('stale')
    health.dropped('superseded')
    health.dropped('superseded')
    health.processed({'infer': 0.25})

    report = health.report()

    assert (report.received, report.processed) == (5, 1)
    assert report.dropped == {'stale': 1, 'superseded': 2}
    assert report.times == {'infer': 0.25}


def test_report_counts_what_was_decided_about_the_crf() -> None:
    health = Health()
    for decision, seconds in (('ran', 0.1), ('certain', 0.0), ('ran', 0.2), ('no_time', 0.0)):
        health.processed({'crf': seconds}, decision)  # type: ignore[arg-type]

    report = health.report()

    assert report.crf == {'ran': 2, 'certain': 1, 'no_time': 1}
    assert report.crf_time == 0.2
    assert report.crf_rate > 0.0


def test_failure_of_the_crf_is_counted_and_told_until_it_does_not_fail() -> None:
    health = Health()
    health.processed({'crf': 0.1}, 'failed', 'MemoryError: 720 MB')
    failed = health.report()

    health.processed({'crf': 0.1}, 'ran')
    recovered = health.report()

    assert (failed.processed, failed.dropped, failed.crf) == (1, {}, {'failed': 1})
    assert failed.crf_failing == 'MemoryError: 720 MB'
    assert failed.failing == ''  # the frame was published
    assert (recovered.crf_failing, recovered.last_error) == ('', 'crf: MemoryError: 720 MB')


@pytest.mark.usefixtures('tenths')
def test_rate_is_that_of_the_last_seconds() -> None:
    health = Health()

    for _ in range(200):
        health.received()
    report = health.report()

    assert report.input_rate == pytest.approx(10.0, rel=0.05)
    assert report.output_rate == 0.0
    assert report.silent == pytest.approx(0.1)


def test_error_counts_as_failing_until_a_frame_is_processed() -> None:
    health = Health()
    health.error('bad_image: too short')
    failing = health.report()

    health.processed({})
    recovered = health.report()

    assert failing.failing == failing.last_error == 'bad_image: too short'
    assert recovered.failing == ''
    assert recovered.last_error == 'bad_image: too short'


def test_images_are_missed_from_the_subscription_on_and_not_before() -> None:
    health = Health()
    before = health.report()
    health.received()
    health.subscribed()
    subscribed = health.report()
    health.received()
    arrived = health.report()
    health.unsubscribed()

    assert before.quiet is None
    assert subscribed.silent is None
    assert subscribed.quiet is not None
    assert arrived.silent is not None
    assert arrived.quiet == arrived.silent
    assert health.report().quiet is None


def test_failure_is_not_held_against_the_frames_of_the_next_subscription() -> None:
    health = Health()
    health.subscribed()
    health.error('engine_error: lost')
    health.dropped('engine_error')
    health.unsubscribed()
    left = health.report()
    health.error('engine_error: lost again')
    health.dropped('engine_error')
    health.subscribed()

    report = health.report()

    assert left.failing == report.failing == ''
    assert report.dropped_since == {}
    assert report.dropped == {'engine_error': 2}


def test_report_has_percentiles_of_the_stages_and_of_the_age() -> None:
    health = Health()
    for index in range(100):
        health.processed({'infer': 1.0 + index}, age=0.5)

    report = health.report()

    assert report.age == 0.5
    assert report.spreads['infer'].p99 == 99.0
    assert report.spreads['stamp_to_publish'].p50 == 0.5
    assert report.masked is not None


def test_drops_since_the_last_mask_begin_anew_with_each_mask() -> None:
    health = Health()
    health.dropped('stale')
    health.processed({})
    health.dropped('late')

    report = health.report()

    assert report.dropped == {'stale': 1, 'late': 1}
    assert report.dropped_since == {'late': 1}


def test_recovery_keeps_the_text_of_the_error() -> None:
    health = Health()
    health.error('configure: no bundle')
    health.recovered()

    assert health.report().failing == ''
    assert health.report().last_error == 'configure: no bundle'
