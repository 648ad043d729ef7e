# SPDX-License-Identifier: Apache-2.0
"""How often the same thing is logged; without ROS."""

from __future__ import annotations

from seg_node.ros.throttle import Throttle


def test_each_subject_is_due_once_in_a_while() -> None:
    now = [100.0]
    is_due = Throttle(5.0, clock=lambda: now[0])

    first = [is_due('front', 'bad_image'), is_due('front', 'bad_image')]
    others = [is_due('left', 'bad_image'), is_due('front', 'engine_error')]
    now[0] += 4.9
    early = is_due('front', 'bad_image')
    now[0] += 0.1
    later = is_due('front', 'bad_image')

    assert first == [True, False]
    assert others == [True, True]
    assert (early, later) == (False, True)
