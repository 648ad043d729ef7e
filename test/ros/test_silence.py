# SPDX-License-Identifier: Apache-2.0
"""The sentence that says why no masks come out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seg_node.ros.vitals.silence import silence_reason, Situation

GOOD = Situation(
    state='active', enabled=True, watched=True, topic='/front/image', publishers=1, silent=0.1
)


def test_silence_reason_is_empty_when_masks_come_out() -> None:
    assert silence_reason(GOOD) == ''


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'state': 'inactive'}, 'is inactive; activate it'),
        ({'enabled': False}, '~/enable'),
        ({'publishers': 0, 'silent': None}, "no publisher on '/front/image'"),
        ({'publishers': 0, 'silent': 60.0}, "no publisher on '/front/image'"),
        ({'silent': None}, 'no image arrived yet'),
        ({'silent': 4.2}, 'no image arrived for 4.2 s'),
        ({'watched': False}, 'Nobody subscribes'),
        ({'failing': 'bad_image: step'}, 'bad_image: step'),
    ],
    ids=str,
)
def test_silence_reason_names_the_cause(change: dict[str, object], words: str) -> None:
    assert words in silence_reason(replace(GOOD, **change))  # type: ignore[arg-type]
