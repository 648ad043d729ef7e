# SPDX-License-Identifier: Apache-2.0
"""The node as a process: what is missing, and what it says itself."""

from __future__ import annotations

import pytest

from seg_node.errors import ProcessError
from seg_node.processes import Event, node, refuse_error, require_ros


def test_error_of_the_node_is_passed_on_in_its_own_words() -> None:
    entries = [{'values': {'last_error': 'configure: There is no bundle.'}}]

    with pytest.raises(ProcessError, match='could not start: configure: There is no bundle'):
        refuse_error(Event('recorder', 'record', {'topic': 'diagnostics', 'entries': entries}))


def test_missing_ros_is_told_with_both_ways_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, 'ROS_MODULES', ('json', 'no_such_ros'))

    with pytest.raises(ProcessError, match=r'has no no_such_ros\..*setup\.bash.*make demo'):
        require_ros()
