# SPDX-License-Identifier: Apache-2.0
"""Where the events of the middleware come from."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

pytestmark = pytest.mark.needs_ros


def test_events_are_found_in_the_rclpy_of_humble_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """There the module has another name, and there are fewer kinds of events."""
    from seg_node.ros.vitals import events  # noqa: PLC0415
    from seg_node.ros.vitals.health import Health  # noqa: PLC0415

    class Callbacks(SimpleNamespace):
        def __init__(
            self, *, incompatible_qos: Any = None, use_default_callbacks: bool = True
        ) -> None:
            super().__init__(
                incompatible_qos=incompatible_qos, use_default_callbacks=use_default_callbacks
            )

    humble: Any = ModuleType('rclpy.qos_event')
    humble.PublisherEventCallbacks = humble.SubscriptionEventCallbacks = Callbacks
    monkeypatch.setitem(sys.modules, 'rclpy.event_handler', None)
    monkeypatch.setitem(sys.modules, 'rclpy.qos_event', humble)
    spec = spec_from_file_location('seg_node.ros.vitals.events_of_humble', events.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    health = Health()
    told: list[str] = []
    logger = SimpleNamespace(warning=told.append)
    node: Any = SimpleNamespace(get_logger=lambda: logger)

    for make in (module.subscription_events, module.publisher_events):
        callbacks = make(node, health, '/cam')
        callbacks.incompatible_qos(SimpleNamespace(last_policy_kind=16, total_count=3))

    assert health.report().mismatches == {'/cam': 'RELIABILITY (3)'}
    assert len(told) == 2
    assert all("Quality of service on '/cam'" in text for text in told)
