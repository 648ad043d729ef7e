# SPDX-License-Identifier: Apache-2.0
"""The true labels of a recorded frame: from a topic, from a folder, or from another bundle."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol, TYPE_CHECKING

import cv2
import numpy as np

from seg_node.datasets.label_png import read_label_png
from seg_node.errors import DatasetError, ImageError, ParameterError, TaxonomyError
from seg_node.evaluation import open_for_evaluation
from seg_node.pipeline import Outputs
from seg_node.recordings.reader import COMPRESSED, RAW, stamp_of
from seg_node.taxonomy import class_groups, group_id_map, load_taxonomy, UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from seg_node.pipeline import Segmenter
    from seg_node.recordings.reader import Message, Recording
    from seg_node.replay.options import ReplayOptions, TruthSource
    from seg_node.taxonomy import IdMap, Taxonomy

    UInt8Array = npt.NDArray[np.uint8]

__all__ = [
    'Asked',
    'Comparison',
    'FolderTruth',
    'Truth',
    'check_found',
    'comparison',
    'folder_state',
    'label_topic',
    'open_truth',
    'truth_folder',
]

CAMERA = '{camera}'
BAG = '{bag}'
WINDOW_NS = 1_000_000_000
LABELS_ALONE = Outputs(confidence=False, entropy=False, drivable_area=False)
ENCODINGS = ('mono8', '8UC1')


@dataclass(frozen=True, slots=True)
class Asked:
    """The frame whose truth is wanted.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        index: Of this camera's frames in the bag.
        stamp_ns: From the header.
        log_ns: When it was recorded.
    """

    image: UInt8Array
    index: int
    stamp_ns: int
    log_ns: int


class Truth(Protocol):
    """Knows the truth of the frames of one camera, which come in order."""

    def __call__(self, frame: Asked) -> UInt8Array | None:
        """Return (H, W) uint8 ids of the source's classes; None where there is no truth.

        Raises:
            DatasetError: If the truth of this frame cannot be used.
        """


@dataclass(frozen=True, slots=True)
class Comparison:
    """The classes that truth and prediction are compared in.

    Attributes:
        classes: Those of the truth, or of the bundle where the truth has finer ones.
        source: Those of the truth.
        truth_ids: From the ids of the source to theirs; None if they are the same.
    """

    classes: Taxonomy
    source: Taxonomy
    truth_ids: IdMap | None = None

    def of(self, labels: UInt8Array, size: tuple[int, int]) -> UInt8Array:
        """Return true labels in these classes.

        Args:
            labels: (H, W) uint8 ids of the source.
            size: (height, width) of the image [px].

        Raises:
            DatasetError: If the size is another, or an id no class.
        """
        if labels.shape != size:
            msg = f'The truth is {labels.shape} (height, width), the image {size}; expected equal.'
            raise DatasetError(msg)
        source = self.source
        odd = np.unique(labels[(labels >= len(source)) & (labels != UNLABELLED)])
        if odd.size:
            msg = (
                f'The truth has ids {odd.tolist()}; {source.name} has 0 to {len(source) - 1}, and '
                f'{UNLABELLED} is unlabelled. Name the classes of the truth.'
            )
            raise DatasetError(msg)
        return self.truth_ids.apply(labels) if self.truth_ids else labels


def comparison(source: TruthSource, own: Taxonomy, teacher: Taxonomy | None) -> Comparison:
    """Return the classes to compare in, as ``evaluation.comparable`` chooses them.

    Args:
        source: Where the truth comes from.
        own: Classes of the bundle.
        teacher: Classes of the teacher, if there is one.

    Raises:
        TaxonomyError: If neither classes can be grouped into the other.
    """
    given = load_taxonomy(source.taxonomy) if source.taxonomy else teacher or own
    try:
        class_groups(own, given)
    except TaxonomyError as err:
        try:
            return Comparison(own, given, group_id_map(given, own))
        except TaxonomyError:
            raise err from None
    return Comparison(given, given)


class TopicTruth:
    """Labels of a topic with the same stamps as the images, recorded within a second of them."""

    def __init__(self, recording: Recording, topic: str, span: tuple[int, int]) -> None:
        """Prepare to read the topic beside the images.

        Args:
            recording: Open; another one than the images come from may be read at the same time.
            topic: Name of the label topic.
            span: When the images were recorded [ns], half open.
        """
        self._recording = recording
        start, stop = max(0, span[0] - WINDOW_NS), min(span[1] + WINDOW_NS, 2**63 - 1)
        self._coming = recording.messages([topic], start, stop)
        self._near: dict[int, Message] = {}
        self._ended = False

    def __call__(self, frame: Asked) -> UInt8Array | None:
        """Return the labels with the image's stamp."""
        while not self._ended and frame.stamp_ns not in self._near:
            found = next(self._coming, None)
            self._ended = found is None
            if found is None:
                break
            self._take(found)
            if found.log_ns > frame.log_ns + WINDOW_NS:
                break
        found = self._near.pop(frame.stamp_ns, None)
        old = (stamp for stamp, one in self._near.items() if one.log_ns < frame.log_ns - WINDOW_NS)
        for stamp in list(old):
            del self._near[stamp]
        return None if found is None else self._labels(found)

    def _take(self, found: Message) -> None:
        """Keep a label image under its stamp, or tell that it has lost it."""
        try:
            self._near[stamp_of(self._recording.deserialize(found), found.log_ns)] = found
        except ImageError as err:
            self._recording.told(str(err))

    def _labels(self, found: Message) -> UInt8Array:
        try:
            return label_pixels(found, self._recording.deserialize(found))
        except ImageError as err:
            raise DatasetError(str(err)) from err


def label_pixels(found: Message, message: Any) -> UInt8Array:
    """Return the ids of a recorded label image.

    Args:
        found: As it was recorded.
        message: The same with its fields: an Image of mono8, or a CompressedImage with a PNG.

    Returns:
        (H, W) uint8.

    Raises:
        DatasetError: If it is of another kind or damaged.
    """
    if found.kind == COMPRESSED:
        try:
            pixels = cv2.imdecode(np.asarray(message.data, np.uint8), cv2.IMREAD_UNCHANGED)
        except cv2.error:  # absurd sizes
            pixels = None
        if pixels is not None and pixels.ndim == 2 and pixels.dtype == np.uint8:  # noqa: PLR2004 - grey
            return np.asarray(pixels, np.uint8)
    elif found.kind == RAW and message.encoding in ENCODINGS:
        data = np.frombuffer(message.data, np.uint8)
        if message.step >= message.width and data.size == message.step * message.height:
            return data.reshape(message.height, message.step)[:, : message.width]
    words = getattr(message, 'encoding', getattr(message, 'format', ''))
    msg = (
        f'Labels of {found.topic!r}, recorded at {found.log_ns} ns, are damaged or of another '
        f'kind: {words!r}; expected one class id per pixel, mono8 or a grey PNG.'
    )
    raise DatasetError(msg)


class FolderTruth:
    """PNGs of class ids, named by the stamp of the image [ns] or in the order of the frames."""

    def __init__(self, folder: Path, by: str) -> None:
        """List the folder.

        Args:
            folder: With the PNGs, and nothing else that ends in .png.
            by: ``'stamp'`` or ``'index'``.

        Raises:
            ParameterError: If there are none, or names are no stamps.
        """
        files = sorted(folder.glob('*.png'))
        if not files:
            msg = f'Folder {str(folder)!r} holds no .png files; expected labels of the frames.'
            raise ParameterError(msg)
        if by == 'stamp' and not all(file.stem.isdecimal() for file in files):
            odd = next(file.name for file in files if not file.stem.isdecimal())
            msg = (
                f'{odd!r} in {str(folder)!r} is not named by a stamp in nanoseconds. Rename the '
                'files, or match them in the order of the frames.'
            )
            raise ParameterError(msg)
        self._by_index = by == 'index'
        self._files = dict(enumerate(files) if self._by_index else _by_stamp(files))

    def __call__(self, frame: Asked) -> UInt8Array | None:
        """Return the labels of the frame's file."""
        file = self._files.get(frame.index if self._by_index else frame.stamp_ns)
        return None if file is None else read_label_png(file)


class TeacherTruth:
    """What another bundle says about the same image."""

    def __init__(self, teacher: Segmenter) -> None:
        """Ask this segmenter, which its owner closes."""
        self._teacher = teacher

    def __call__(self, frame: Asked) -> UInt8Array | None:
        """Return the teacher's labels."""
        return self._teacher(frame.image, LABELS_ALONE).labels


def open_teacher(options: ReplayOptions) -> Segmenter | None:
    """Return the segmenter of the teacher, if there is one.

    Raises:
        BundleError: If the bundle is missing, damaged or altered.
        EngineError: If no engine can run it.
    """
    source = options.truth
    if source is None or source.teacher is None:
        return None
    return open_for_evaluation(source.teacher, options.engine, threads=options.threads)


def open_truth(
    source: TruthSource,
    recording: Recording,
    camera: tuple[str, str],
    span: tuple[int, int],
    teacher: Segmenter | None,
) -> Truth | None:
    """Return what knows the truth of one camera in a span of time.

    Args:
        source: Where the truth comes from.
        recording: The bag.
        camera: Name of the bag and topic of the camera.
        span: When the images were recorded [ns], half open.
        teacher: From ``open_teacher``.

    Returns:
        None if this bag has no truth for the camera.

    Raises:
        ParameterError: If a folder cannot be matched.
    """
    if teacher is not None:
        return TeacherTruth(teacher)
    name, topic = camera
    if source.folder is not None:
        return FolderTruth(truth_folder(source, name, topic), source.by)
    labels = label_topic(source, topic)
    return TopicTruth(recording, labels, span) if labels in recording.topics else None


def truth_folder(source: TruthSource, bag: str, topic: str) -> Path:
    """Return the folder with the truth of one camera of one bag."""
    return Path(str(source.folder).replace(BAG, bag).replace(CAMERA, _flat(topic)))


def folder_state(folder: Path) -> str:
    """Return a digest of names, sizes and times of the labels in a folder."""
    found = ((file.name, file.stat()) for file in sorted(folder.glob('*.png')))
    state = [(name, stat.st_size, stat.st_mtime_ns) for name, stat in found]
    return sha256(repr(state).encode()).hexdigest()


def label_topic(source: TruthSource, topic: str) -> str:
    """Return the topic with the labels of a camera."""
    return (source.topic or '').replace(CAMERA, topic.rpartition('/')[0])


def check_found(source: TruthSource, data: Mapping[str, Any]) -> None:
    """Refuse a replay that was to be scored and found no truth.

    Args:
        source: Where the truth was to come from.
        data: What ``replay.json`` would say.

    Raises:
        DatasetError: If frames have a result, and none could be scored.
    """
    if not data['frames'] or data['frames_with_truth']:
        return
    where = f'in folder {str(source.folder)!r}' if source.folder else f'on topic {source.topic!r}'
    order = source.folder is not None and source.by == 'index'
    match = 'in the order of the frames' if order else 'with the stamps of the images'
    damage = ' '.join(sentence for bag in data['bags'] for sentence in bag['damage'])
    msg = (
        f'None of {data["frames"]} frames has truth that can be used; labels {match} were looked '
        f'for {where}. {damage or "Is it the truth of another drive?"}'
    )
    raise DatasetError(msg)


def _by_stamp(files: list[Path]) -> Iterator[tuple[int, Path]]:
    return ((int(file.stem), file) for file in files)


def _flat(topic: str) -> str:
    """Return the namespace of a topic as a name of a folder."""
    return topic.rpartition('/')[0].strip('/').replace('/', '_')
