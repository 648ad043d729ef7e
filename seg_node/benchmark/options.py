# SPDX-License-Identifier: Apache-2.0
"""What a benchmark is asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ['SIZES', 'SUBJECTS', 'BenchmarkOptions', 'Scene', 'Subject']

Subject = Literal['engine', 'pipeline', 'node', 'same_process']
SUBJECTS: dict[Subject, str] = {
    'engine': 'the network alone',
    'pipeline': 'image to masks, no ROS',
    'node': 'node, camera in another process',
    'same_process': 'node, camera in its process',
}
SIZES = {'480p': (480, 848), '720p': (720, 1280), '1080p': (1080, 1920)}
"""(height, width) [px]"""
OUTPUTS = ('mask', 'confidence', 'drivable_area')


@dataclass(frozen=True, slots=True)
class Scene:
    """One thing that is measured.

    Attributes:
        subject: What.
        size: Of the images, a key of ``SIZES``; empty where it does not matter.
        cameras: Number of cameras.
    """

    subject: Subject
    size: str = ''
    cameras: int = 1

    @property
    def key(self) -> str:
        """Name in results and rules, for example ``'node.720p.6'``."""
        parts = [self.subject, *([self.size] if self.size else [])]
        return '.'.join([*parts, str(self.cameras)] if self.is_node else parts)

    @property
    def is_node(self) -> bool:
        """Whether the node is measured, not a part of it."""
        return self.subject in {'node', 'same_process'}


@dataclass(frozen=True, slots=True)
class BenchmarkOptions:
    """One benchmark.

    Attributes:
        drive: Video file, folder of images or recording; None for the procedural drive.
        topic: Camera topic of a recording; None where it has one camera.
        frames: Different frames that cameras send, one after the other and over again [count].
        bundle: Name or path of the model bundle.
        engine: Name of the engine, as the node's parameter.
        threads: Of the engine.
        precision: Of the network.
        subjects: What is measured.
        sizes: Of the images.
        cameras: Numbers of cameras; parts of the node have one.
        runs: How often each is measured, at least 3: their spread is the noise.
        seconds: Length of a run [s].
        data: Labelled data set for the accuracy, as ``open_dataset`` takes it; None for what the
            bundle says of itself.
        split: Of the data set.
        labelled: At most so many labelled images [count].
    """

    drive: Path | None = None
    topic: str | None = None
    frames: int = 32
    bundle: str = 'default'
    engine: str = 'onnxruntime'
    threads: int = 1
    precision: str = 'fp32'
    subjects: tuple[Subject, ...] = tuple(SUBJECTS)
    sizes: tuple[str, ...] = tuple(SIZES)
    cameras: tuple[int, ...] = (1, 6)
    runs: int = 5
    seconds: float = 3.0
    data: str | None = None
    split: str = 'val'
    labelled: int = 50

    def quick(self) -> BenchmarkOptions:
        """Return what takes a minute: one size, one camera, two processes."""
        return replace(
            self,
            frames=min(self.frames, 12),
            subjects=('engine', 'pipeline', 'node'),
            sizes=('720p',),
            cameras=(1,),
            seconds=min(self.seconds, 2.0),
            labelled=min(self.labelled, 10),
        )

    def scenes(self) -> Iterator[Scene]:
        """Yield what is measured, in order."""
        if 'engine' in self.subjects:
            yield Scene('engine')
        for subject in (one for one in self.subjects if one != 'engine'):
            for size in self.sizes:
                for cameras in self.cameras if Scene(subject).is_node else (1,):
                    yield Scene(subject, size, cameras)
