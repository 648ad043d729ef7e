# SPDX-License-Identifier: Apache-2.0
"""Safe failure: a drivable area of nothing for a frame that failed."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import pytest

from seg_node.errors import EngineError
from tiny import scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from ros.rig import Rig

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

AREA = 'segmentation/drivable_area'
STATUS = 'segmentation/status'
SIZE = (60, 80)
IMAGE = scene(SIZE)[0]


@pytest.fixture
def careful(make_rig: Callable[..., Rig]) -> Rig:
    """A node that answers failures, with listeners of area and status."""
    rig = make_rig(drivable__empty_on_failure=True)
    listen(rig)
    return rig


def listen(rig: Rig) -> None:
    from diagnostic_msgs.msg import DiagnosticArray  # noqa: PLC0415

    rig.listen(AREA)
    rig.listen(STATUS, DiagnosticArray)


def break_engine(rig: Rig, error: Exception) -> None:
    def fail(*_: object) -> None:
        raise error

    rig.runner.run = fail


def status_of(rig: Rig, message: Any) -> tuple[bytes, dict[str, str]]:
    """Return level and values of the status of a frame."""
    (status,) = rig.answer(STATUS, message).status
    return status.level, {str(pair.key): str(pair.value) for pair in status.values}


def assert_nothing_is_drivable(rig: Rig, message: Any) -> None:
    from ros.rig import pixels_of  # noqa: PLC0415

    area = pixels_of(rig.answer(AREA, message))
    assert area.shape == SIZE
    assert not area.any()


@pytest.mark.parametrize(
    'fields', [{'step': 7}, {'data': [0] * 10}, {'encoding': 'klingon8'}], ids=str
)
def test_frame_that_cannot_be_decoded_has_an_empty_area(
    careful: Rig, fields: dict[str, Any]
) -> None:
    from diagnostic_msgs.msg import DiagnosticStatus  # noqa: PLC0415

    message = careful.send(careful.image(IMAGE, **fields))

    assert_nothing_is_drivable(careful, message)
    level, values = status_of(careful, message)
    assert level == DiagnosticStatus.ERROR
    assert values['failed'].startswith('bad_image: ')
    assert values['drivable_area'] == 'empty, because the frame failed'
    careful.until_dropped('bad_image')


@pytest.mark.parametrize(
    ('error', 'reason'),
    [(EngineError('It is gone.'), 'engine_error'), (RuntimeError('oops'), 'internal_error')],
)
def test_frame_that_the_engine_fails_at_has_an_empty_area(
    careful: Rig, error: Exception, reason: str
) -> None:
    run = careful.runner.run
    break_engine(careful, error)

    message = careful.send(careful.image(IMAGE))

    assert_nothing_is_drivable(careful, message)
    assert status_of(careful, message)[1]['failed'].startswith(f'{reason}: ')
    careful.runner.run = run
    answer = careful.answer(AREA, careful.send(careful.image(IMAGE)))
    assert np.frombuffer(answer.data, np.uint8).any()


@pytest.mark.parametrize(
    'fields', [{'height': 0}, {'height': 2**31, 'width': 2**31}], ids=['none', 'absurd']
)
def test_status_says_that_no_size_is_known(careful: Rig, fields: dict[str, Any]) -> None:
    message = careful.send(careful.image(IMAGE, **fields))

    assert status_of(careful, message)[1]['drivable_area'] == 'none: the size is not known'
    assert not careful.heard[AREA]


def test_compressed_frame_states_its_size_in_its_file(make_rig: Callable[..., Rig]) -> None:
    from ros.rig import CAMERA_QOS, CompressedImage  # noqa: PLC0415

    rig = make_rig(drivable__empty_on_failure=True, image_transport='compressed')
    listen(rig)
    camera = rig.client.create_publisher(CompressedImage, 'image/compressed', CAMERA_QOS)
    coded = cv2.imencode('.png', IMAGE)[1].tobytes()
    break_engine(rig, EngineError('It is gone.'))
    whole, damaged = (
        CompressedImage(header=rig.image(IMAGE).header, format='png', data=data)
        for data in (coded, coded[:-20])
    )

    rig.send(whole, camera)
    assert_nothing_is_drivable(rig, whole)
    rig.send(damaged, camera)

    assert status_of(rig, damaged)[1]['drivable_area'] == 'none: the size is not known'


def test_by_default_a_frame_that_failed_has_no_answer(rig: Rig) -> None:
    listen(rig)
    rig.send(rig.image(IMAGE, step=7))
    rig.until_dropped('bad_image')

    last = rig.send(rig.image(IMAGE))

    rig.answer(AREA, last)
    rig.answer(STATUS, last)
    assert len(rig.heard[AREA]) == len(rig.heard[STATUS]) == 1


def test_answer_that_cannot_be_sent_does_not_end_the_worker(
    careful: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(careful.outputs, 'publish_image', None)
        careful.send(careful.image(IMAGE, step=7))
        careful.until_dropped('bad_image')
        careful.send(careful.image(IMAGE, step=7))
        careful.until_dropped('bad_image', 2)

    assert careful.answer(STATUS, careful.send(careful.image(IMAGE)))


def test_nothing_is_made_for_topics_that_nobody_watches(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(drivable__empty_on_failure=True)
    rig.listen('segmentation/mask')
    made: list[object] = []
    rig.outputs.publish_image = lambda *what: made.append(what)

    rig.send(rig.image(IMAGE, step=7))
    rig.until_dropped('bad_image')

    assert not made
