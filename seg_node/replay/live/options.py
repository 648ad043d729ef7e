# SPDX-License-Identifier: Apache-2.0
"""What a live replay is asked to do, and what that means for the node."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TYPE_CHECKING

from seg_node.bundle import open_bundle
from seg_node.engines.registry import AUTO, precision_offline
from seg_node.errors import ParameterError
from seg_node.recordings.reader import COMPRESSED, Recording
from seg_node.replay.options import CameraMounting

if TYPE_CHECKING:
    from seg_node.replay.options import ReplayOptions
    from seg_node.replay.plan import Bag

__all__ = ['LiveOptions', 'camera_of', 'check_repeats', 'node_parameters']

DIAGNOSTICS_PERIOD_S = 0.5
AS_TUNED, NO_LIMIT = -1.0, 0.0  # what the node's parameters say for None


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """How a drive is played.

    Attributes:
        rate: Seconds of the drive in a second.
        loops: How often all recordings are played.
    """

    rate: float = 1.0
    loops: int = 1


def check_repeats(options: ReplayOptions, live: LiveOptions) -> None:
    """Refuse repetitions that one offline replay cannot follow.

    Raises:
        ParameterError: If frames are smoothed and played several times: a mask then depends on
            the frames that the node processed this time.
    """
    if options.smoothing is not None and live.loops > 1:
        msg = (
            f'A drive cannot be played {live.loops} times with smoothing: a mask takes in the '
            'frames that were processed before it, which differ each time, and the offline replay '
            'is one. Leave out --loops or --smoothing.'
        )
        raise ParameterError(msg)


def camera_of(bags: tuple[Bag, ...]) -> str:
    """Return the topic of the one camera that all recordings have.

    Raises:
        ParameterError: If there are several.
    """
    topics = {topic for bag in bags for topic in bag.cameras}
    if len(topics) > 1:
        msg = (
            f'A live replay is of one camera; these recordings have {", ".join(sorted(topics))}. '
            'Choose one with --topic, or play the recordings one by one.'
        )
        raise ParameterError(msg)
    return topics.pop()


def node_parameters(options: ReplayOptions, bag: Bag, topic: str) -> dict[str, Any]:
    """Return the parameters with which the node does what an offline replay does.

    Args:
        options: Of the offline replay.
        bag: One of the recordings.
        topic: Of the camera.

    Raises:
        ParameterError: If the node has no parameter for something that is asked.
    """
    if options.temperature is not None or options.follow is not None:
        msg = (
            'The node takes the temperature from its bundle and decides about the CRF by itself; '
            'leave --temperature and --follow out of a live replay.'
        )
        raise ParameterError(msg)
    crf = options.crf
    compressed = Recording(bag.path).topics[topic].kind == COMPRESSED
    bundle = open_bundle(options.bundle)
    asked = options.precision
    mountings = {one.topic: one for one in options.mountings}
    mounting = mountings.get(topic, mountings.get('', CameraMounting()))
    threshold, fraction = crf.entropy_threshold, crf.min_uncertain_fraction
    return {
        'use_sim_time': True,
        'diagnostics_period': DIAGNOSTICS_PERIOD_S,
        'image_transport': 'compressed' if compressed else 'raw',
        'bundle': str(Path(bundle.path).resolve()),
        'engine': options.engine,
        # By itself the node would take what is faster on this machine.
        'precision': precision_offline(options.engine, bundle) if asked == AUTO else asked,
        'threads': options.threads,
        'rotation': mounting.rotation,
        'own_vehicle_mask': mounting.own_vehicle_mask,
        'latency_budget': options.latency_budget or NO_LIMIT,
        'crf.enabled': crf.enabled,
        'crf.preset': crf.preset,
        'crf.mode': crf.mode,
        'crf.resolution': crf.resolution,
        'crf.backend': crf.backend,
        'crf.threads': crf.threads,
        'crf.entropy_threshold': AS_TUNED if threshold is None else threshold,
        'crf.min_uncertain_fraction': AS_TUNED if fraction is None else fraction,
        'crf.hysteresis': crf.hysteresis,
        **_smoothing(options),
        **_drivable(options),
    }


def _smoothing(options: ReplayOptions) -> dict[str, object]:
    smoothing = options.smoothing
    if smoothing is None:
        return {'smoothing.method': 'none'}
    return {'smoothing.method': smoothing.method, 'smoothing.history': smoothing.history}


def _drivable(options: ReplayOptions) -> dict[str, object]:
    """Return the settings of the drivable area; what is None here is 0 in the node."""
    given = {name: 0.0 if value is None else value for name, value in options.drivable}
    return {
        f'drivable.{name}': list(value) if isinstance(value, tuple) else value
        for name, value in given.items()
    }
