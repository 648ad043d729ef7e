# SPDX-License-Identifier: Apache-2.0
"""Parameters of the node as a process: start, time, reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .spec import Spec

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ['OPERATION', 'OperationParameters', 'operation_faults']


OPERATION: tuple[Spec, ...] = (
    Spec(
        'autostart',
        True,  # noqa: FBT003  # a default
        'Configure and activate without a lifecycle manager',
        change='start',
    ),
    Spec(
        'diagnostics_period',
        1.0,
        'Time between two messages on /diagnostics',
        unit='s',
        bounds=(0.1, 60.0),
        change='start',
    ),
    Spec(
        'latency_budget',
        0.0,
        'From the arrival of a frame to its mask; the CRF is left out when it would not fit; '
        '0 sets no limit',
        unit='s',
        bounds=(0.0, 10.0),
    ),
    Spec(
        'watchdog_timeout',
        5.0,
        'A frame that takes longer is an error in the diagnostics, which names the stage; 0 sets '
        'no limit',
        unit='s',
        bounds=(0.0, 600.0),
    ),
    Spec(
        'watchdog_action',
        'report',
        'What follows when a frame takes longer than watchdog_timeout: report, nothing more; '
        'exit, the process ends with status 3, so that what started it can start it again',
        choices=('exit', 'report'),
    ),
    Spec(
        'give_up_after',
        30.0,
        'When frames have failed in the engine for so long without a mask, the node deactivates '
        'and cleans up; 0 is never',
        unit='s',
        bounds=(0.0, 3600.0),
    ),
    Spec(
        'snapshot_dir',
        '~/.ros/seg_node/snapshots',
        'Folder in which save_snapshot makes a new folder; nobody can change it through the '
        'network, and other users must not be able to redirect it',
        change='start',
    ),
)


@dataclass(frozen=True)
class OperationParameters:
    """Values of ``OPERATION``."""

    autostart: bool
    diagnostics_period: float
    latency_budget: float
    watchdog_timeout: float
    watchdog_action: str
    give_up_after: float
    snapshot_dir: str


def operation_faults(values: Mapping[str, object]) -> list[str]:
    """Return what is wrong with these values beyond type, bounds and choice."""
    if str(values.get('snapshot_dir', '~')).strip():
        return []
    return ["Parameter 'snapshot_dir' is empty; expected a folder, for example '/tmp'."]
