# SPDX-License-Identifier: Apache-2.0
"""What nobody subscribes to is not computed."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import pytest

from tiny import scene

if TYPE_CHECKING:
    from ros.rig import Rig
    from seg_node.pipeline import Outputs

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

IMAGE = scene((60, 80))[0]


def spy(rig: Rig) -> list[Outputs]:
    """Return a list that collects what the segmenter is asked for."""
    asked: list[Outputs] = []
    run = rig.runner.run

    def watched(jobs: Any, parameters: Any) -> Any:
        asked.extend(job.outputs for job in jobs)
        return run(jobs, parameters)

    rig.runner.run = watched
    return asked


def test_no_listener_means_no_inference(rig: Rig) -> None:
    asked = spy(rig)

    rig.send(rig.image(IMAGE))
    rig.until_dropped('unwatched')

    assert asked == []


def test_listener_of_the_mask_costs_nothing_but_the_mask(rig: Rig) -> None:
    from seg_node.pipeline import Outputs  # noqa: PLC0415

    asked = spy(rig)
    rig.listen('segmentation/mask')

    rig.answer('segmentation/mask', rig.send(rig.image(IMAGE)))

    nothing = Outputs(confidence=False, entropy=False, drivable_area=False, classes=())
    assert asked == [nothing]


@pytest.mark.parametrize(
    ('topic', 'change'),
    [
        ('confidence', {'confidence': True}),
        ('entropy', {'entropy': True}),
        ('drivable_area', {'drivable_area': True}),
        ('confidence/water', {'classes': (2,)}),
        ('overlay', {}),
        ('color', {}),
    ],
)
def test_listener_gets_what_it_needs_and_no_more(
    topic: str, change: dict[str, Any], rig: Rig
) -> None:
    from seg_node.pipeline import Outputs  # noqa: PLC0415

    asked = spy(rig)
    rig.listen(f'segmentation/{topic}')

    rig.answer(f'segmentation/{topic}', rig.send(rig.image(IMAGE)))

    nothing = {'confidence': False, 'entropy': False, 'drivable_area': False, 'classes': ()}
    assert asked == [Outputs(**{**nothing, **change})]


def test_inference_stops_when_the_last_listener_leaves(rig: Rig) -> None:
    asked = spy(rig)
    rig.listen('segmentation/mask')
    rig.answer('segmentation/mask', rig.send(rig.image(IMAGE)))

    rig.stop_listening('segmentation/mask')
    rig.send(rig.image(IMAGE))
    rig.until_dropped('unwatched')

    assert len(asked) == 1


def test_class_topics_add_nothing_that_the_executor_has_to_ask(rig: Rig) -> None:
    """Each listener for events is asked whenever a frame wakes the executor."""

    def listeners() -> int:
        return len(list(rig.node.waitables))

    rig.outputs.choose_classes(())
    without = listeners()
    rig.outputs.choose_classes((0, 1, 2))

    assert listeners() == without
