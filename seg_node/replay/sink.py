# SPDX-License-Identifier: Apache-2.0
"""What a replay writes beside its numbers: the contract of a labelled bag and a video."""

from __future__ import annotations

from dataclasses import dataclass, field
from glob import escape
from importlib import import_module
from typing import Any, cast, Protocol, TYPE_CHECKING

from seg_node.errors import one_of, ParameterError
from seg_node.recordings.writer import BagFormat
from seg_node.replay.outputs import choose_outputs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from seg_node.bundle import Manifest
    from seg_node.pipeline import Outputs, Segmentation
    from seg_node.replay.options import ReplayOptions
    from seg_node.replay.record import FrameRecord

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['SINKS', 'Sink', 'SinkContext', 'check_sinks', 'is_written', 'open_sinks']

# Modules with a function ``open_sink(context) -> Sink``, imported when they are asked for.
SINKS = {
    'digests': 'seg_node.replay.live.digests',
    'labelled': 'seg_node.replay.labelled_bag',
    'overlay': 'seg_node.replay.overlay_video',
}

# What is there, below the folder of the results, when a sink has finished a bag.
WRITTEN = {
    'digests': 'live/digests_{bag}.jsonl',
    'labelled': 'labelled/{bag}/metadata.yaml',
    'overlay': 'overlay/{bag}*',
}


@dataclass(frozen=True, slots=True)
class SinkContext:
    """What a sink knows before the first frame of its bag.

    Attributes:
        bag: Path of the bag: a folder or a single file.
        name: Of the bag, unique in the run; ``FrameRecord.bag`` of all its frames.
        topics: Cameras of the bag that are replayed.
        out: Folder of the results. A sink writes under names that hold the name of the bag, and
            overwrites what an interrupted run left there.
        manifest: Of the bundle: classes, colours, drivable flags.
        options: Of the run.
        model: What runs, in words, as from ``interface.model_words``.
        damage: Sentences about the bag that the run tells; a sink adds what it finds.
    """

    bag: Path
    name: str
    topics: tuple[str, ...]
    out: Path
    manifest: Manifest
    options: ReplayOptions
    model: Mapping[str, str] = field(default_factory=dict)
    damage: list[str] = field(default_factory=list)


class Sink(Protocol):
    """Takes the frames of one bag, all its cameras, in the order of the recording.

    It lives in one process from the first frame of the bag to the last. A bag that was interrupted
    is replayed from its start if there are sinks.
    """

    @property
    def outputs(self) -> Outputs:
        """What the segmenter has to compute for it."""

    def frame(
        self, record: FrameRecord, image: UInt8Array, segmentation: Segmentation, message: Any
    ) -> None:
        """Take a frame; those that could not be decoded are left out.

        Args:
            record: What was measured of it.
            image: (H, W, 3) uint8 RGB; must not be changed.
            segmentation: Of the image's size; must not be changed.
            message: The recorded ``Image`` or ``CompressedImage``, for its header.
        """

    def close(self) -> None:
        """Finish and close what was written. Called after an error, too."""


def open_sinks(names: Iterable[str], context: SinkContext) -> list[Sink]:
    """Return sinks by name.

    Args:
        names: Among ``SINKS``.
        context: Bag and bundle.

    Raises:
        ParameterError: If a name is unknown.
    """
    names = list(names)
    _check_names(names)
    return [cast('Sink', import_module(SINKS[name]).open_sink(context)) for name in names]


def check_sinks(options: ReplayOptions, manifest: Manifest) -> None:
    """Refuse wishes that no sink can meet, before a frame is replayed for them.

    Raises:
        ParameterError: If a sink or an output is unknown.
        BagError: If the form of the labelled bag is.
    """
    _check_names(options.sinks)
    if 'labelled' in options.sinks:
        wishes = options.labelled
        choose_outputs(wishes.names, manifest.taxonomy)
        BagFormat(wishes.storage, wishes.distro, wishes.zstd)


def is_written(names: Sequence[str], out: Path, bags: Iterable[str]) -> bool:
    """Say whether all that these sinks write of these bags is there."""
    patterns = [WRITTEN[name].format(bag=escape(bag)) for bag in bags for name in names]
    return all(any(out.glob(pattern)) for pattern in patterns)


def _check_names(names: Iterable[str]) -> None:
    for name in names:
        if name not in SINKS:
            raise ParameterError(one_of('output', name, SINKS))
