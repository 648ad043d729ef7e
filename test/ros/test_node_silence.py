# SPDX-License-Identifier: Apache-2.0
"""What the node finds around a silent camera, over real DDS."""

from __future__ import annotations

import os
import time
from types import SimpleNamespace
from typing import Any, TYPE_CHECKING

import pytest

from tiny import scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ros.rig import Rig

    MakeStranger = Callable[[Rig], Any]

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

MASK = 'segmentation/mask'
IMAGE = scene((60, 80))[0]


@pytest.fixture
def make_stranger() -> Iterator[MakeStranger]:
    """Return a function that makes a node outside the rig's context, as in another process.

    Within one context the middleware refuses two types on one topic at once.
    """
    from rclpy.context import Context  # noqa: PLC0415
    from rclpy.node import Node  # noqa: PLC0415

    made: list[tuple[Context, Node]] = []

    def make(rig: Rig) -> Any:
        context = Context()
        context.init(domain_id=rig.context.get_domain_id())
        node = Node('stranger', namespace=rig.namespace, context=context)
        made.append((context, node))
        return node

    yield make
    for context, node in made:
        node.destroy_node()
        context.try_shutdown()


def said(rig: Rig) -> dict[str, str]:
    """Return the values of the only status."""
    status = rig.node.diagnosis.message().status[0]
    return {pair.key: pair.value for pair in status.values}


def leave(rig: Rig) -> str:
    """Take the camera away; return the name of its topic."""
    rig.client.destroy_publisher(rig.camera)
    name = f'{rig.namespace}/image'
    rig.until(lambda: not rig.node.count_publishers(name), 'the camera is gone')
    return name


def found(rig: Rig, *words: str) -> str:
    """Wait until the reason for the silence has all these words, and return it."""
    rig.until(
        lambda: all(one in said(rig)['silence'] for one in words),
        f'{words} in the reason for the silence',
    )
    return said(rig)['silence']


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What nodes warn of or tell from now on."""
    from rclpy.impl.rcutils_logger import RcutilsLogger  # noqa: PLC0415

    texts: list[str] = []
    for name in ('warning', 'info'):
        monkeypatch.setattr(RcutilsLogger, name, lambda _, text, **__: texts.append(text))
    return texts


def look_after(rig: Rig, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the node look after its cameras when no image has come for so much longer."""
    from dataclasses import replace  # noqa: PLC0415

    report = rig.health.report()
    later = replace(report, quiet=report.quiet + seconds)
    with monkeypatch.context() as patch:
        patch.setattr('seg_node.ros.vitals.health.Health.report', lambda _: later)
        rig.node.lookout.look()


def test_camera_that_offers_too_little_is_named_with_what_it_offers(
    make_rig: Callable[..., Rig],
) -> None:
    from sensor_msgs.msg import Image  # noqa: PLC0415

    from ros.rig import CAMERA_QOS  # noqa: PLC0415
    from seg_node.ros.vitals.events import PublisherEventCallbacks  # noqa: PLC0415

    topic = f'/camera_{os.getpid()}/raw'
    asked = {f'qos_overrides.{topic}.subscription.reliability': 'reliable'}
    rig = make_rig(arguments=('-r', f'image:={topic}'), **asked)
    mute = PublisherEventCallbacks(use_default_callbacks=False)
    rig.client.create_publisher(Image, topic, CAMERA_QOS, event_callbacks=mute)

    reason = found(rig, 'offers BEST_EFFORT/VOLATILE', 'asks for RELIABLE/VOLATILE')
    rig.until(lambda: said(rig)['qos_mismatches'], 'the event of the middleware')

    assert f'/client on {topic!r}' in reason
    assert f'Change qos_overrides.{topic}.subscription' in reason
    assert 'RELIABILITY' in said(rig)['qos_mismatches']
    assert 'best effort publisher' in said(rig)['publishers']


@pytest.mark.parametrize('transport', ['raw', 'compressed'])
def test_other_type_on_the_image_topic_is_named_with_its_remedy(
    transport: str, make_rig: Callable[..., Rig], make_stranger: MakeStranger
) -> None:
    from sensor_msgs.msg import CompressedImage, Image  # noqa: PLC0415

    rig = make_rig(image_transport=transport)
    leave(rig)
    kind, name = (CompressedImage, 'image') if transport == 'raw' else (Image, 'image/compressed')
    make_stranger(rig).create_publisher(kind, name, 1)

    reason = found(rig, 'carries', '/stranger')

    other = 'compressed' if transport == 'raw' else 'raw'
    assert f'carries sensor_msgs/msg/{kind.__name__} (from {rig.namespace}/stranger)' in reason
    assert f'Set image_transport: {other}' in reason


@pytest.mark.parametrize('transport', ['raw', 'compressed'])
def test_camera_that_uses_the_other_transport_is_found(
    transport: str, make_rig: Callable[..., Rig]
) -> None:
    from sensor_msgs.msg import CompressedImage, Image  # noqa: PLC0415

    rig = make_rig(image_transport=transport)
    name = leave(rig)
    kind, beside = (CompressedImage, f'{name}/compressed') if transport == 'raw' else (Image, name)
    rig.client.create_publisher(kind, beside, 1)

    other = 'compressed' if transport == 'raw' else 'raw'
    found(rig, f'The camera publishes {beside!r}: set image_transport: {other}.')


def test_topics_that_have_images_are_offered_when_the_own_one_has_none(rig: Rig) -> None:
    from sensor_msgs.msg import Image  # noqa: PLC0415

    leave(rig)
    rig.client.create_publisher(Image, 'front/image_raw', 1)

    reason = found(rig, 'remap image to the one you mean')

    assert f'{rig.namespace}/front/image_raw' in reason
    assert 'segmentation' not in reason


def test_subscriber_of_an_output_that_asks_for_too_much_is_named(rig: Rig) -> None:
    from sensor_msgs.msg import Image  # noqa: PLC0415

    from ros.rig import LATCHED_QOS  # noqa: PLC0415
    from seg_node.ros.vitals.events import SubscriptionEventCallbacks  # noqa: PLC0415

    mute = SubscriptionEventCallbacks(use_default_callbacks=False)
    rig.client.create_subscription(Image, MASK, print, LATCHED_QOS, event_callbacks=mute)
    rig.until(lambda: said(rig)['qos_mismatches'], 'the event of the middleware')
    rig.send(rig.image(IMAGE))
    rig.until_dropped('unwatched')

    reason = found(rig, 'Nobody subscribes', 'does not match')

    assert f"/client asks for '{rig.namespace}/{MASK}'" in reason
    assert 'transient' in reason
    assert 'DURABILITY' in said(rig)['qos_mismatches']


def test_subscriber_of_a_class_that_asks_for_too_much_is_counted_beside_one_that_fits(
    rig: Rig,
) -> None:
    from sensor_msgs.msg import Image  # noqa: PLC0415

    from ros.rig import LATCHED_QOS  # noqa: PLC0415
    from seg_node.ros.vitals.events import SubscriptionEventCallbacks  # noqa: PLC0415

    rig.listen(MASK)
    road = 'segmentation/confidence/green_road'
    mute = SubscriptionEventCallbacks(use_default_callbacks=False)
    rig.client.create_subscription(Image, road, print, LATCHED_QOS, event_callbacks=mute)

    rig.until(lambda: said(rig)['qos_mismatches'], 'the event of the middleware')

    assert f'{road}: DURABILITY' in said(rig)['qos_mismatches']


def test_stopped_camera_is_said_to_have_stopped_with_the_time_since(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.send(rig.image(IMAGE))
    rig.until_received(1)
    clock = time.monotonic
    monkeypatch.setattr(
        'seg_node.ros.vitals.health.time', SimpleNamespace(monotonic=lambda: clock() + 60.0)
    )

    values = said(rig)

    assert float(values['last_image_s']) == pytest.approx(60.0, abs=10.0)
    assert 'no image arrived for 6' in values['silence']


def test_silence_of_five_seconds_is_warned_of_once_with_what_was_found(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, warned: list[str]
) -> None:
    for seconds in (0.0, 4.0, 5.1, 6.0, 600.0):
        look_after(rig, seconds, monkeypatch)
    (warning,) = warned
    rig.send(rig.image(IMAGE))
    rig.until_received(1)
    look_after(rig, 0.0, monkeypatch)
    look_after(rig, 9.0, monkeypatch)

    assert warning.startswith('No image for 5 s.')
    assert '/client publishes sensor_msgs/msg/Image (BEST_EFFORT/VOLATILE) on' in warning
    assert f"'{rig.namespace}/image'" in warning
    assert warned[1] == f"Images arrive on '{rig.namespace}/image' again."
    assert len(warned) == 3


def test_all_frames_too_old_is_said_to_be_a_matter_of_clocks(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(max_age=0.5)
    rig.listen(MASK)
    rig.send(rig.image(IMAGE))
    rig.until_dropped('stale')

    reason = found(rig, 'dropped as stale')

    assert 'All images so far (1)' in reason
    assert 'use_sim_time' in reason
