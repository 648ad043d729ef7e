# SPDX-License-Identifier: Apache-2.0
"""Small drives, and what a labelled bag of them holds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TYPE_CHECKING

from seg_node.bundle import open_bundle
from seg_node.crf import CrfOptions
from seg_node.engines.registry import open_engine
from seg_node.interface import model_words
from seg_node.pipeline import Segmenter, SegmenterOptions
from seg_node.replay.options import ReplayOptions
from seg_node.replay.record import FrameRecord
from seg_node.replay.sink import open_sinks, SinkContext
from tiny import scene, tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from seg_node.pipeline import Segmentation
    from seg_node.replay.outputs import BagOutputs
    from seg_node.replay.sink import Sink

NANO = 10**9
CAMERA = '/front/image_raw'
SIZE = (93, 121)
SCENES = [scene(SIZE, seed)[0] for seed in range(3)]
STAMPS = [1_700_000_000 * NANO + index * NANO // 10 for index in range(3)]
LATER_NS = 5_000_000
CRF = SegmenterOptions(crf=CrfOptions(backend='numpy'), crf_min_uncertain_fraction=0.0)


def write_drive(
    folder: Path,
    *,
    cameras: Sequence[str] = (CAMERA,),
    infos: Sequence[tuple[int, float]] = (),
    info_size: tuple[int, int] = SIZE,
    more: bool = False,
    storage: str = 'mcap',
) -> Path:
    """Write ``SCENES``, each recorded 5 ms after its stamp.

    Args:
        folder: Must not exist.
        cameras: Topics.
        infos: Index of a frame, and the focal length of a camera info recorded just before it.
        info_size: Height and width of that.
        more: Whether there is a text on another topic, too.
        storage: ``'mcap'`` or ``'sqlite3'``.
    """
    from seg_node.recordings import messages, writer  # noqa: PLC0415  # needs rosbags

    quality = [writer.quality_of_service(depth=7, reliable=False)]
    with writer.BagWriter(folder, writer.BagFormat(storage)) as bag:
        tracks = {name: bag.add(name, messages.IMAGE, quality) for name in cameras}
        info = bag.add('/front/camera_info', messages.INFO, quality) if infos else None
        text = bag.add('/chatter', 'std_msgs/msg/String', quality) if more else None
        for index, (stamp, image) in enumerate(zip(STAMPS, SCENES, strict=True)):
            for at, focal in infos:
                if at == index and info is not None:
                    header = messages.header_message(bag.types, stamp - 1, 'lens')
                    found = messages.camera_info_message(bag.types, header, info_size)
                    found.k[0] = focal
                    bag.write(info, stamp, found)
            header = messages.header_message(bag.types, stamp, 'camera')
            for track in tracks.values():
                message = messages.image_message(bag.types, header, image)
                bag.write(track, stamp + LATER_NS, message)
            if text is not None:
                words = messages.string_message(bag.types, f'after {index}')
                bag.write(text, stamp + 2 * LATER_NS, words)
    return folder


def frames_of(bag: Path, cameras: Sequence[str]) -> Iterator[tuple[str, int, Any, Any]]:
    """Yield camera, time of the recording [ns], message and picture."""
    from seg_node.recordings.reader import decode, Recording  # noqa: PLC0415  # needs rosbags

    recording = Recording(bag)
    for found in recording.messages(cameras):
        message = recording.deserialize(found)
        yield found.topic, found.log_ns, message, decode(found, message)


def run_sink(
    sink: Sink, segmenter: Segmenter, bag: Path, cameras: Sequence[str], *, forget_entropy: bool
) -> list[Segmentation]:
    """Give all frames to a sink, as a replay does."""
    results = []
    try:
        for index, (camera, log_ns, message, image) in enumerate(frames_of(bag, cameras)):
            result = segmenter(image, sink.outputs)
            if forget_entropy:
                result = replace(result, entropy=None)
            stamp = message.header.stamp.sec * NANO + message.header.stamp.nanosec
            record = FrameRecord(
                *(bag.name, camera, index, stamp, log_ns, image.shape[:2], result.times)
            )
            sink.frame(record, image, result, message)
            results.append(result)
    finally:
        sink.close()
    return results


def labelled(
    bag: Path, out: Path, wishes: BagOutputs, **how: Any
) -> tuple[list[Segmentation], Path]:
    """Write a labelled bag with the tiny bundle; return what was computed, and the bag."""
    results = through_sink('labelled', bag, out, ReplayOptions(labelled=wishes), **how)
    return results, out / 'labelled' / bag.name


def through_sink(
    name: str,
    bag: Path,
    out: Path,
    options: ReplayOptions,
    *,
    cameras: Sequence[str] = (CAMERA,),
    crf: bool = False,
    forget_entropy: bool = False,
) -> list[Segmentation]:
    """Give a drive to a sink by its name, segmented by the tiny bundle."""
    bundle = open_bundle(tiny_bundle(out / 'bundle').path)
    engine = open_engine('onnxruntime', bundle)
    with Segmenter(engine, CRF if crf else SegmenterOptions()) as segmenter:
        words = model_words(bundle, engine, segmenter.options)
        context = SinkContext(
            *(bag, bag.name, tuple(cameras), out, bundle.manifest, options, words)
        )
        (sink,) = open_sinks([name], context)
        return run_sink(sink, segmenter, bag, cameras, forget_entropy=forget_entropy)
