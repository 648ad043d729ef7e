# SPDX-License-Identifier: Apache-2.0
"""A recording of what the node would have published for a drive."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
import shutil
from typing import Any, TYPE_CHECKING

from seg_node.errors import ImageError, ParameterError
from seg_node.imaging.camera_info import decimated_info, describes
from seg_node.interface import (
    autoware_runs,
    class_tables,
    classes_json,
    CODED_FORMAT,
    coded_labels,
    frame_images,
    groups_json,
    ImageOptions,
    outputs_for,
    status_values,
    TOPICS,
    topics,
)
from seg_node.recordings.following import Copier, Follower
from seg_node.recordings.messages import (
    compressed_message,
    diagnostics_message,
    header_message,
    IMAGE,
    image_message,
    label_info_message,
    runs_message,
    string_message,
)
from seg_node.recordings.reader import Recording
from seg_node.recordings.writer import BagFormat, BagWriter, quality_of_service

from .behind import Behind
from .outputs import choose_outputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    from rosbags.interfaces import Connection

    from seg_node.pipeline import Outputs, Segmentation
    from seg_node.recordings.reader import Message
    from seg_node.replay.record import FrameRecord
    from seg_node.replay.sink import SinkContext

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['LabelledBag', 'namespaces', 'open_sink']

FOLDER = 'labelled'
NODE = 'seg_node'
TABLE = {one.name: one for one in TOPICS}
FRAME_STAGES = frozenset({'decode', 'fit', 'infer', 'smooth', 'finish', 'crf', 'total'})


def open_sink(context: SinkContext) -> LabelledBag:
    """Return a sink that writes ``labelled/<bag>``."""
    return LabelledBag(context, context.out / FOLDER / context.name)


@dataclass(frozen=True, slots=True)
class Job:
    """What the arguments of ``LabelledBag.frame`` are."""

    record: FrameRecord
    image: UInt8Array
    segmentation: Segmentation
    message: Any


class LabelledBag:
    """Writes the node's topics with their quality of service, each message as it would be sent.

    A frame's messages carry its header and the time at which the image was recorded, so that both
    play side by side. ``/diagnostics`` is left out: it tells the state of a node that lives.

    Attributes:
        outputs: What the segmenter has to compute.
    """

    def __init__(self, context: SinkContext, folder: Path) -> None:
        """Open the bag; what an interrupted run left in its place is removed.

        Raises:
            BagError: If the bag cannot be written, or its inputs cannot be copied.
            ParameterError: If an output is not known.
        """
        self._context = context
        self._wishes = context.options.labelled
        self._chosen = choose_outputs(self._wishes.names, context.manifest.taxonomy)
        self._tables = class_tables(context.manifest.taxonomy)
        self._image_options = ImageOptions(self._wishes.overlay_alpha)
        self.outputs: Outputs = outputs_for(self._chosen.topics, tuple(self._chosen.classes))
        recording = Recording(context.bag, context.damage)
        _clear(folder)
        layout = BagFormat(self._wishes.storage, self._wishes.distro, self._wishes.zstd)
        self._writer = BagWriter(folder, layout)
        self._tracks: dict[tuple[str, str], Connection] = {}
        self._spaces = namespaces(context.topics)
        self._infos = {camera: _CameraInfo(recording, camera) for camera in context.topics}
        for camera in context.topics:
            self._add_topics(camera)
        taken = {one.topic for one in self._tracks.values()}
        self._copier = Copier(recording, self._writer, taken) if self._wishes.with_inputs else None
        self._begun = False
        self._stack = ExitStack()
        self._stack.callback(self._writer.close)
        self._behind: Behind[Callable[[], None]] = self._stack.enter_context(Behind(_do))

    def frame(
        self, record: FrameRecord, image: UInt8Array, segmentation: Segmentation, message: Any
    ) -> None:
        """Hand a frame to the thread that writes."""
        self._behind(partial(self._write, Job(record, image, segmentation, message)))

    def close(self) -> None:
        """Wait for the thread, copy what is left and finish the bag."""
        with self._stack:
            self._behind(self._finish)

    def _finish(self) -> None:
        """Copy what is left, in the thread that read the recording so far."""
        if self._copier:
            self._copier.until()
        for info in self._infos.values():
            info.close()

    def _add_topics(self, camera: str) -> None:
        for name in (*self._chosen.topics, *self._chosen.classes.values()):
            self._add(camera, name, TABLE[name].type_name if name in TABLE else IMAGE)
        for name in self._latched:
            self._add(camera, name, TABLE[name].type_name)

    @property
    def _latched(self) -> tuple[str, ...]:
        """Latched topics of the mask itself, and those beside another mask that was chosen."""
        rooms = {_room(name) for name in (topics.MASK, *self._chosen.topics)}
        return tuple(
            name
            for name, one in TABLE.items()
            if one.direction == 'latched' and _room(name) in rooms
        )

    def _add(self, camera: str, name: str, kind: str) -> None:
        quality = TABLE[name if name in TABLE else topics.CONFIDENCE].quality
        profile = quality_of_service(
            depth=quality.depth, reliable=quality.reliable, latched=quality.latched
        )
        topic = f'{self._spaces[camera]}/{name}'
        self._tracks[camera, name] = self._writer.add(topic, kind, [profile])

    def _write(self, job: Job) -> None:
        if self._copier:
            self._copier.until(job.record.log_ns)
        if not self._begun:
            self._begun = True
            self._write_latched(job.record.log_ns)
        for name, message in self._messages(job):
            track = self._tracks[job.record.topic, name]
            self._writer.write(track, job.record.log_ns, message)

    def _messages(self, job: Job) -> Iterator[tuple[str, Any]]:
        """Yield relative topic and message of everything that the node publishes of a frame."""
        types, header, result = self._writer.types, job.message.header, job.segmentation
        yield from self._images(job)
        if topics.MASK_PNG in self._chosen.topics:
            data = coded_labels(result.labels)
            yield topics.MASK_PNG, compressed_message(types, header, CODED_FORMAT, data)
        if topics.MASK_RLE in self._chosen.topics:
            runs = autoware_runs(result.labels, self._tables)
            yield topics.MASK_RLE, runs_message(types, header, result.labels.shape, runs)
        yield from self._calibrations(job)
        if topics.STATUS in self._chosen.topics:
            yield topics.STATUS, self._status(job)

    def _images(self, job: Job) -> Iterator[tuple[str, Any]]:
        types, header, result = self._writer.types, job.message.header, job.segmentation
        images = frame_images(
            self._chosen.topics, result, job.image, self._tables, self._image_options
        )
        for name, pixels in images:
            yield name, image_message(types, header, pixels)
        for index, name in self._chosen.classes.items():
            yield name, image_message(types, header, result.planes[index])

    def _calibrations(self, job: Job) -> Iterator[tuple[str, Any]]:
        """Yield the camera infos, as the node not if they are for images of another size."""
        info = self._infos[job.record.topic].at(job.record.log_ns)
        size = job.image.shape[:2]
        if info is None or not describes(info, size):
            return
        own = replace(info, header=job.message.header)
        if topics.CAMERA_INFO in self._chosen.topics:
            yield topics.CAMERA_INFO, own
        if topics.DECIMATED_CAMERA_INFO in self._chosen.topics:
            factor = self._image_options.factor(size)
            yield topics.DECIMATED_CAMERA_INFO, decimated_info(own, factor, size)

    def _write_latched(self, log_ns: int) -> None:
        types, manifest = self._writer.types, self._context.manifest
        header = header_message(types, log_ns, '')
        classes = dict(enumerate(manifest.taxonomy.names))
        info = label_info_message(types, header, classes)
        contents = {
            topics.CLASSES: string_message(types, classes_json(manifest)),
            topics.LABEL_INFO: info,
            topics.DECIMATED_LABEL_INFO: info,
        }
        groups = self._tables.groups
        if groups is not None:
            names = dict(enumerate(groups.target.names))
            contents[topics.GROUPS_CLASSES] = string_message(types, groups_json(manifest, groups))
            contents[topics.GROUPS_LABEL_INFO] = label_info_message(types, header, names)
        for camera in self._context.topics:
            for name in self._latched:
                self._writer.write(self._tracks[camera, name], log_ns, contents[name])

    def _status(self, job: Job) -> Any:
        record = job.record
        times = {name: one for name, one in record.times.items() if name in FRAME_STAGES}
        age = 1e-9 * (record.log_ns - record.stamp_ns) + times.get('total', 0.0)
        values = status_values(self._context.model, job.segmentation, age, times)
        words = f'crf {job.segmentation.crf}'
        return diagnostics_message(
            self._writer.types, job.message.header, f'{NODE}: frame', words, values
        )


class _CameraInfo:
    """The camera info that was the newest at a time."""

    def __init__(self, recording: Recording, camera: str) -> None:
        """Follow the topic beside the camera, if it was recorded."""
        base = camera.removesuffix(topics.COMPRESSED_SUFFIX).rpartition('/')[0]
        topic = f'{base}/{topics.CAMERA_INFO_IN}'
        self._recording = recording
        self._follower = Follower(recording, {topic} & recording.topics.keys())
        self._newest: Any = None

    def at(self, log_ns: int) -> Any:
        """Return the message; before the first one that one, None without any."""
        for found in self._follower.until(log_ns):
            self._newest = self._read(found) or self._newest
        first = self._follower.ahead() if self._newest is None else None
        return self._newest if first is None else self._read(first)

    def close(self) -> None:
        """Let go of the recording."""
        self._follower.close()

    def _read(self, found: Message) -> Any:
        """Return a message; None, and told, if it is damaged."""
        try:
            return self._recording.deserialize(found)
        except ImageError as err:
            self._recording.told(f'{str(err).rstrip(".")}. It was left out.')
            return None


def _room(topic: str) -> str:
    return topic.rpartition('/')[0]


def _clear(folder: Path) -> None:
    """Remove what an interrupted run left, and nothing above it.

    Raises:
        ParameterError: If the path has no name of its own.
    """
    if folder.name in ('', '.', '..') or folder.parent.name != FOLDER:
        msg = (
            f'{str(folder)!r} is no place for a labelled bag, because it is not one folder below '
            f'{FOLDER!r}. Give the recording by its name.'
        )
        raise ParameterError(msg)
    shutil.rmtree(folder, ignore_errors=True)


def _do(job: Callable[[], None]) -> None:
    job()


def namespaces(cameras: tuple[str, ...]) -> dict[str, str]:
    """Return where the node of each camera would be: beside its images.

    Cameras that lie side by side would publish under the same names; their nodes are below them.

    Example:
        >>> namespaces(('/front/image_raw', '/rear/image/compressed'))
        {'/front/image_raw': '/front', '/rear/image/compressed': '/rear'}
        >>> namespaces(('/left', '/right'))
        {'/left': '/left', '/right': '/right'}
    """
    plain = {camera: camera.removesuffix(topics.COMPRESSED_SUFFIX) for camera in cameras}
    parents = {camera: name.rpartition('/')[0] for camera, name in plain.items()}
    if len(set(parents.values())) < len(cameras):
        return plain
    return parents
