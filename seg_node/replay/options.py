# SPDX-License-Identifier: Apache-2.0
"""What a replay is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TYPE_CHECKING

from seg_node.engines.registry import AUTO
from seg_node.pipeline import CrfChoice
from seg_node.replay.outputs import BagOutputs

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.pipeline import SmoothingOptions

__all__ = ['CameraMounting', 'ReplayOptions', 'TruthSource']

NO_CRF = CrfChoice(enabled=False)
PLAIN_BAG = BagOutputs()


@dataclass(frozen=True, slots=True)
class TruthSource:
    """Where the truth comes from; None of all three is no truth.

    Attributes:
        topic: Label topic in the bags, mono8 class ids. With several cameras, ``{camera}`` stands
            for the namespace of the camera's topic.
        folder: Folder of label images, named by stamp [ns] or, with ``by='index'``, in the order
            of the frames.
        by: How the folder's images are matched.
        teacher: Another bundle, whose labels are taken for the truth.
        taxonomy: Classes of topic or folder: a name such as camvid11 or a YAML file; None for
            those of the bundle.
    """

    topic: str | None = None
    folder: Path | None = None
    by: Literal['stamp', 'index'] = 'stamp'
    teacher: str | None = None
    taxonomy: str | None = None


@dataclass(frozen=True, slots=True)
class CameraMounting:
    """How a camera is mounted, see ``pipeline.mounting``.

    Attributes:
        topic: Of its images; empty for all cameras that are not named.
        rotation: Clockwise turn that makes its images upright [degrees].
        own_vehicle_mask: Path of a PNG that shows the own vehicle; empty for none.
    """

    topic: str = ''
    rotation: int = 0
    own_vehicle_mask: str = ''


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """What a replay is asked to do; plain values, so that it travels between processes.

    Attributes:
        bundle: Name of a shipped bundle or path of a folder.
        engine: Name of an engine, or ``'auto'``.
        precision: ``'fp32'``, ``'fp16'``, ``'int8'`` or ``'auto'``.
        threads: Threads of the engine.
        temperature: Divisor of the scores instead of the bundle's.
        crf: What is asked of the dense CRF.
        smoothing: How frames are smoothed over time; None to leave it out.
        drivable: Settings of the drivable area, each the name of a field of ``SegmenterOptions``
            without ``drivable_`` and its value.
        latency_budget: Time for a frame [s]; the CRF runs only if it is predicted to fit. None
            for no limit.
        topics: Cameras; empty to choose the only one.
        mountings: Of the cameras; one that is not named is upright and sees nothing of the
            vehicle.
        truth: Where the truth comes from; None without truth.
        follow: Decisions about the CRF that are repeated: frames.jsonl of an earlier run, or a
            bag with a recorded ``segmentation/status``; None to ask the gate.
        flicker: Whether labels are compared with those of the frame before, along the optical
            flow.
        full: Whether probabilities are scored against the truth, too (NLL, Brier, class-wise
            calibration, boundaries); they cost more than the other figures.
        sinks: Names of what is written beside the numbers, see ``sink.SINKS``.
        labelled: What goes into labelled bags.
        workers: Processes on this machine.
    """

    bundle: str = 'default'
    engine: str = AUTO
    precision: str = AUTO
    threads: int = 1
    temperature: float | None = None
    crf: CrfChoice = NO_CRF
    smoothing: SmoothingOptions | None = None
    drivable: tuple[tuple[str, Any], ...] = ()
    latency_budget: float | None = None
    topics: tuple[str, ...] = ()
    mountings: tuple[CameraMounting, ...] = ()
    truth: TruthSource | None = None
    follow: Path | None = None
    flicker: bool = True
    full: bool = False
    sinks: tuple[str, ...] = ()
    labelled: BagOutputs = PLAIN_BAG
    workers: int = 1

    @property
    def remembers(self) -> bool:
        """Whether a frame's result depends on what was seen many frames before."""
        return self.smoothing is not None or bool(dict(self.drivable).get('hysteresis'))

    @property
    def begins_anew(self) -> bool:
        """Whether an interrupted task starts again: what it wrote or remembered is not saved."""
        return bool(self.sinks) or self.remembers
