# SPDX-License-Identifier: Apache-2.0
"""How much of the latency budget is left for the CRF of each image; without ROS."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import pytest

from seg_node.pipeline import Mounting, Outputs, Segmenter
from tiny import scene

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seg_node.ros.cameras.model_runner import ModelRunner
    from seg_node.ros.parameters.table import Parameters

pytestmark = [pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

BUDGET_S = 0.5
IMAGE = scene((60, 80))[0]


@pytest.fixture
def parameters(bundle_folder: Path) -> Parameters:
    """Present values with a latency budget."""
    from seg_node.ros.parameters.table import Parameters  # noqa: PLC0415

    given = {'bundle': str(bundle_folder), 'engine': 'onnxruntime', 'threads': 1}
    return Parameters.from_values({**given, 'latency_budget': BUDGET_S})


@pytest.fixture
def runner(parameters: Parameters) -> Iterator[ModelRunner]:
    """The tiny model for two cameras."""
    from seg_node.ros.cameras.model_runner import ModelRunner  # noqa: PLC0415

    opened = ModelRunner(parameters, {'front': Mounting(), 'left': Mounting()})
    yield opened
    opened.close()


@pytest.fixture
def deadlines(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Collects until when each image has to be done."""
    found: list[float] = []
    segment = Segmenter.__call__

    def spy(self: Segmenter, *given: Any, deadline: float, **named: Any) -> Any:
        found.append(deadline)
        return segment(self, *given, deadline=deadline, **named)

    monkeypatch.setattr(Segmenter, '__call__', spy)
    return found


def test_what_publishing_takes_is_kept_of_the_budget(
    runner: ModelRunner, parameters: Parameters, deadlines: list[float]
) -> None:
    from seg_node.ros.cameras.model_runner import Job  # noqa: PLC0415

    runner.run([Job(IMAGE, Outputs(), 'left', arrived=100.0, reserve=0.02)], parameters)

    assert deadlines == pytest.approx([100.0 + BUDGET_S - 0.02])


def test_images_of_one_run_are_done_in_time_for_the_first_that_came(
    runner: ModelRunner, parameters: Parameters, deadlines: list[float]
) -> None:
    """None is published before the CRF of the last one ends, and then one after the other."""
    from seg_node.ros.cameras.model_runner import Job  # noqa: PLC0415

    jobs = [
        Job(IMAGE, Outputs(), 'front', arrived=100.04, reserve=0.02),
        Job(IMAGE, Outputs(), 'left', arrived=100.0, reserve=0.03),
    ]
    runner.run(jobs, parameters)

    assert deadlines == pytest.approx([100.0 + BUDGET_S - 0.05] * 2)
