# SPDX-License-Identifier: Apache-2.0
"""The sentence that says why no masks come out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seg_node.ros.vitals.silence import Endpoint, silence_reason, Situation

CAMERA = Endpoint('/driver', 'sensor_msgs/msg/Image', 'RELIABLE/VOLATILE')
JPEG = replace(CAMERA, kind='sensor_msgs/msg/CompressedImage')
POINTS = replace(CAMERA, kind='sensor_msgs/msg/PointCloud2')
SHY = replace(
    CAMERA,
    quality='BEST_EFFORT/VOLATILE',
    misfit='best effort publisher and reliable subscription',
)
GOOD = Situation(
    state='active', node='/seg_node', topic='/front/image', publishers=(CAMERA,), silent=0.1
)


def test_silence_reason_is_empty_when_masks_come_out() -> None:
    assert silence_reason(GOOD) == ''


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        ({'state': 'inactive'}, 'inactive. To start it: ros2 lifecycle set /seg_node activate.'),
        ({'state': 'unconfigured'}, 'ros2 lifecycle set /seg_node configure (and activate)'),
        (
            {'state': 'unconfigured', 'failing': 'configure: no bundle.'},
            'is unconfigured. configure: no bundle. To start it',
        ),
        ({'state': 'finalized'}, 'Restart the process'),
        ({'enabled': False}, '~/enable'),
        ({'stuck': 'The worker hangs.', 'enabled': False}, 'The worker hangs.'),
        ({'publishers': (), 'silent': None}, "no publisher on '/front/image'. No other topic has"),
        ({'publishers': (), 'silent': 60.0}, 'any more; the last image came 60.0 s ago.'),
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
    ],
    ids=str,
)
def test_silence_reason_names_the_cause(change: dict[str, object], words: str) -> None:
    assert words in silence_reason(replace(GOOD, **change))  # type: ignore[arg-type]


def test_single_stale_frame_between_masks_is_no_silence() -> None:
    assert silence_reason(replace(GOOD, dropped={'stale': 1}, masked=0.2)) == ''
