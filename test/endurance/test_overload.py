# SPDX-License-Identifier: Apache-2.0
"""A camera ten times as fast as the node: nothing queues, whatever is dropped is counted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from endurance.conftest import MakeStage

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

RATE = 50.0
# The node with an engine that takes a fifth of a second, and no processor time for it.
SLOW_NODE = """
import time
from seg_node.engines.fake_engine import FakeEngine
from seg_node.ros.main import main
infer = FakeEngine._infer
def slowly(self, batch):
    time.sleep(0.2)
    return infer(self, batch)
FakeEngine._infer = slowly
raise SystemExit(main())
"""
WARM_UP_S = 1.0
GROWTH = 1.03
EARLY_S = 20.0


@pytest.mark.parametrize('seconds', [3.0, pytest.param(600.0, marks=pytest.mark.slow)])
def test_masks_stay_young_under_tenfold_overload(seconds: float, make_stage: MakeStage) -> None:
    from diagnostic_msgs.msg import DiagnosticArray  # noqa: PLC0415

    from endurance.age import ages, FRAMES  # noqa: PLC0415
    from endurance.disturbances import DISTURBANCES  # noqa: PLC0415

    stage = make_stage({'program': ('-c', SLOW_NODE)}, engine='fake')
    stage.start_node()
    stage.consumer.also('segmentation/status', DiagnosticArray)
    stage.start_camera(rate=RATE, size=(360, 640))
    stage.until_active()
    stage.until_masks(5.0)
    time.sleep(WARM_UP_S)
    stage.consumer.heard.statuses.clear()

    begun, came = time.monotonic(), len(stage.consumer.heard.masks)
    time.sleep(min(seconds / 3, EARLY_S))
    early = stage.node.hold()
    time.sleep(seconds - (time.monotonic() - begun))
    span = time.monotonic() - begun
    rate = (len(stage.consumer.heard.masks) - came) / span
    late = stage.node.hold()

    assert 3.0 < rate < 5.1
    found = ages(stage.consumer.heard.statuses)
    waited = found.waited_p999 if found.count > 1000 else found.waited_p90
    assert waited < FRAMES / RATE, found
    assert (late.files, late.threads) == (early.files, early.threads)
    assert late.rss_anon < GROWTH * early.rss_anon
    assert stage.count('dropped_superseded') > 7 * stage.count('processed')
    DISTURBANCES['deactivated'](stage)
    stage.camera.set(rate=2.0)
    stage.until_masks(count=1)
    stage.check_counts()
    stage.close()
