# SPDX-License-Identifier: Apache-2.0
"""What the node says about itself."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import pytest

from tiny import scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from ros.rig import Rig

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

MASK = 'segmentation/mask'
IMAGE = scene((60, 80))[0]


def said(rig: Rig) -> tuple[int, str, dict[str, str]]:
    """Return level, summary and values of the present diagnostics."""
    status = rig.node.diagnosis.message().status[0]
    values = {pair.key: pair.value for pair in status.values}
    return int.from_bytes(status.level, 'little'), status.message, values


def test_diagnostics_are_published_in_every_state(make_rig: Callable[..., Rig]) -> None:
    from diagnostic_msgs.msg import DiagnosticArray  # noqa: PLC0415

    rig = make_rig(autostart=False, diagnostics_period=0.1)
    heard: list[Any] = []
    rig.client.create_subscription(DiagnosticArray, '/diagnostics', heard.append, 5)

    rig.until(lambda: heard, 'diagnostics arrive')

    status = heard[0].status[0]
    assert status.name.endswith('seg_node')
    assert 'unconfigured' in status.message


def test_diagnostics_name_engine_and_counts(rig: Rig) -> None:
    rig.listen(MASK)
    rig.answer(MASK, rig.send(rig.image(IMAGE)))
    rig.answer(MASK, rig.send(rig.image(IMAGE)))
    rig.until_processed(2)

    level, summary, values = said(rig)

    assert level == 0
    assert 'masks per second' in summary
    assert values['state'] == 'active'
    assert values['engine'] == 'onnxruntime'
    assert values['engine_reason'] == 'asked for by name'
    assert values['processed'] == '2'
    assert values['silence'] == ''
    assert values['watched'] == 'True'
    assert values['image_topic'] == f'{rig.namespace}/image'


def test_diagnostics_say_that_nobody_listens(rig: Rig) -> None:
    rig.send(rig.image(IMAGE))
    rig.until_dropped('unwatched')

    level, summary, values = said(rig)

    assert level == 1
    assert 'Nobody subscribes' in summary
    assert values['watched'] == 'False'
    assert values['dropped_unwatched'] == '1'


def test_diagnostics_say_that_no_camera_is_there(rig: Rig) -> None:
    rig.client.destroy_publisher(rig.camera)
    name = f'{rig.namespace}/image'
    rig.until(lambda: not rig.node.count_publishers(name), 'the camera is gone')

    _, summary, _ = said(rig)

    assert summary.startswith(f'There is no publisher on {name!r}.')


def test_diagnostics_are_an_error_while_frames_fail(rig: Rig) -> None:
    rig.listen(MASK)
    rig.send(rig.image(IMAGE, encoding='klingon8'))
    rig.until_dropped('bad_image')

    level, summary, values = said(rig)

    assert level == 2
    assert 'klingon8' in summary
    assert values['dropped_bad_image'] == '1'
