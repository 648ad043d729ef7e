# SPDX-License-Identifier: Apache-2.0
"""The sentence that says why no masks come out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
import re
from typing import Any

import pytest

from seg_node.ros.vitals.silence import Endpoint, is_failing, silence_reason, Situation
from seg_node.ros.vitals.watchdog import Overdue

CAMERA = Endpoint('/driver', 'sensor_msgs/msg/Image', 'RELIABLE/VOLATILE')
JPEG = replace(CAMERA, kind='sensor_msgs/msg/CompressedImage')
POINTS = replace(CAMERA, kind='sensor_msgs/msg/PointCloud2')
SHY = replace(
    CAMERA,
    quality='BEST_EFFORT/VOLATILE',
    misfit='best effort publisher and reliable subscription',
)
HANGING = Overdue('segment', 7.0, ('',), 1.0, 'seg_node/engines/base.py, line 1, segment')
GOOD = Situation(
    state='active', node='/seg_node', topic='/front/image', publishers=(CAMERA,), silent=0.1
)
CASES: list[tuple[dict[str, object], str]] = [
    ({'state': 'inactive'}, 'inactive. To start it: ros2 lifecycle set /seg_node activate.'),
    ({'state': 'unconfigured'}, 'ros2 lifecycle set /seg_node configure (and activate)'),
    (
        {'state': 'unconfigured', 'failing': 'configure: no bundle.'},
        'is unconfigured. configure: no bundle. To start it',
    ),
    ({'state': 'finalized'}, 'Restart the process'),
    ({'enabled': False}, '~/enable'),
    ({'stuck': str(HANGING), 'enabled': False}, 'has been at one frame for 7.0 s'),
    ({'publishers': (), 'silent': None}, "no publisher on '/front/image'. No other topic has"),
    ({'publishers': (), 'silent': 60.0}, 'any more; the last image came 60.0 s ago.'),
    (
        {'publishers': (), 'silent': None, 'beside': '/front/image/compressed'},
        "publishes '/front/image/compressed': set image_transport: compressed.",
    ),
    (
        {'publishers': (), 'silent': None, 'beside': '/front/image', 'kind': JPEG.kind},
        "publishes '/front/image': set image_transport: raw.",
    ),
    (
        {'publishers': (), 'silent': None, 'elsewhere': ('/a', '/b')},
        'Images are on /a, /b: remap image to the one you mean.',
    ),
    (
        {'publishers': (), 'silent': None, 'elsewhere': tuple('abcdefg')},
        'a, b, c, d, e and 2 more:',
    ),
    (
        {'publishers': (JPEG,), 'silent': None},
        'and the node expects sensor_msgs/msg/Image. Set image_transport: compressed',
    ),
    (
        {'publishers': (CAMERA,), 'kind': JPEG.kind, 'silent': None},
        'Set image_transport: raw',
    ),
    (
        {'publishers': (JPEG,), 'silent': None},
        "'/front/image' carries sensor_msgs/msg/CompressedImage (from /driver)",
    ),
    ({'publishers': (POINTS,), 'silent': None}, 'Remap image to a topic of this type.'),
    (
        {'publishers': (SHY,), 'quality': 'RELIABLE/VOLATILE', 'silent': None},
        'offers BEST_EFFORT/VOLATILE, and the subscription asks for RELIABLE/VOLATILE: best',
    ),
    (
        {'publishers': (SHY,), 'silent': None},
        'reliable subscription. Change qos_overrides./front/image.subscription of the node',
    ),
    ({'silent': None}, '/driver publishes sensor_msgs/msg/Image (RELIABLE/VOLATILE) on'),
    ({'silent': None}, 'no image arrived yet'),
    ({'silent': 4.2}, 'no image arrived for 4.2 s'),
    ({'publishers': (SHY, CAMERA), 'silent': 4.2}, 'no image arrived for 4.2 s'),
    ({'watched': False}, 'Nobody subscribes'),
    (
        {'watched': False, 'misfits': {'/mask': replace(SHY, node='/viewer')}},
        "/viewer asks for '/mask' and does not match: best effort",
    ),
    ({'failing': 'bad_image: step'}, 'bad_image: step'),
    (
        {'failing': 'engine_error: lost.', 'gpu': 'building engine 42 %'},
        'lost. GPU: building engine 42 %.',
    ),
    ({'dropped': {'stale': 7}}, 'All images so far (7) were dropped as stale: older'),
    (
        {'dropped': {'late': 9, 'superseded': 5}, 'masked': 3.0},
        'All images since the last mask (9) were dropped as late: older than their deadline',
    ),
]


def test_silence_reason_is_empty_when_masks_come_out() -> None:
    assert silence_reason(GOOD) == ''


@pytest.mark.parametrize(('change', 'words'), CASES, ids=str)
def test_silence_reason_names_the_cause(change: dict[str, object], words: str) -> None:
    assert words in silence_reason(replace(GOOD, **change))  # type: ignore[arg-type]


def test_single_stale_frame_between_masks_is_no_silence() -> None:
    assert silence_reason(replace(GOOD, dropped={'stale': 1}, masked=0.2)) == ''


def sentences() -> list[str]:
    """Return the sentences that the page explains."""
    page = Path(__file__).parents[2] / 'docs' / 'diagnostics.md'
    table = page.read_text(encoding='utf-8').partition('| sentence |')[2].partition('\n\n')[0]
    return re.findall(r'^\| `([^`]+)` \|', table, re.MULTILINE)


def pattern(sentence: str) -> str:
    """Return what matches a sentence of the page: anything may stand for ``<words>``."""
    parts = re.split(r' ?<[^>]*>', sentence)
    return '.*'.join(map(re.escape, parts))


def explained(reason: str) -> str:
    """Return the sentence of the page that explains a reason; empty if there is none."""
    special = [one for one in sentences() if one != '<error>']
    return next((one for one in special if re.fullmatch(pattern(one), reason)), '')


@pytest.mark.parametrize('change', [change for change, _ in CASES], ids=str)
def test_every_reason_is_explained_on_the_page(change: dict[str, object]) -> None:
    now = replace(GOOD, **change)  # type: ignore[arg-type]

    assert explained(silence_reason(now)) or now.failing


def test_every_sentence_of_the_page_is_one_that_the_node_says() -> None:
    reasons = [silence_reason(replace(GOOD, **change)) for change, _ in CASES]  # type: ignore[arg-type]

    assert {explained(reason) for reason in reasons} >= {*sentences()} - {'<error>'}


@pytest.mark.parametrize(
    ('changes', 'expected'),
    [
        ({}, True),
        ({'failing': ''}, False),
        ({'silent': 60.0}, False),
        ({'silent': None}, False),
        ({'enabled': False}, False),
        ({'watched': False}, False),
        ({'state': 'unconfigured', 'silent': None, 'watched': False}, True),
    ],
    ids=str,
)
def test_error_is_present_only_while_frames_are_waited_for(
    changes: dict[str, Any], *, expected: bool
) -> None:
    now = replace(GOOD, **{'failing': 'bad_image: klingon8', **changes})

    assert is_failing(now) is expected
