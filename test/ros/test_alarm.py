# SPDX-License-Identifier: Apache-2.0
"""When a silent camera is worth a warning."""

from __future__ import annotations

from seg_node.ros.vitals.alarm import QuietAlarm


def test_alarm_goes_off_once_for_each_silence() -> None:
    alarm = QuietAlarm()

    said = [alarm.look(quiet) for quiet in (0.1, 4.9, 5.0, 6.0, 60.0, 0.1, 0.1, 5.1, 9.0)]

    assert said == ['', '', 'silent', '', '', 'back', '', 'silent', '']


def test_alarm_ends_without_a_word_when_nothing_is_expected_any_more() -> None:
    alarm = QuietAlarm()

    said = [alarm.look(quiet) for quiet in (8.0, None, 1.0, 8.0)]

    assert said == ['silent', '', '', 'silent']
