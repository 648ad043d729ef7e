# SPDX-License-Identifier: Apache-2.0
"""The demo from beginning to end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
import json
from pathlib import Path
import sys
import tempfile
import time
from typing import Any, TYPE_CHECKING

import cv2

from seg_node.bundle import open_bundle
from seg_node.errors import DemoError
from seg_node.progress import progress

from .pages import contact_sheet, VideoPage
from .performance import perform
from .record import read_record
from .reel import store
from .sources import open_source, procedural_source
from .summary import (
    crf_decisions,
    frame_counts,
    machine,
    percentiles,
    quality,
    stage_times,
    versions,
)
from .video import write_video

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from seg_node.bundle import Bundle
    from seg_node.taxonomy import Taxonomy

    from .options import DemoOptions
    from .record import Moment, Record
    from .reel import Reel
    from .sources import Source

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['DemoResult', 'run_demo']

ROS_MODULES = ('rclpy', 'sensor_msgs', 'std_msgs', 'diagnostic_msgs', 'lifecycle_msgs', 'std_srvs')
NO_TRUTH = 'not known: the input has no exact labels'
MILLI = 1e3


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What a run leaves behind.

    Attributes:
        summary: All numbers, as in ``summary.json``.
        files: What was written, and a few words on each.
    """

    summary: Mapping[str, Any]
    files: Mapping[Path, str]


def run_demo(options: DemoOptions) -> DemoResult:
    """Play a drive to the node and write video, contact sheet and numbers.

    Raises:
        DemoError: If ROS is missing, the input cannot be read, or a process fails.
        SegNodeError: Others of the family, for example for a damaged bundle.
    """
    require_ros()
    bundle = open_bundle(options.bundle)
    started = time.monotonic()
    source = source_of(options)
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix='seg_demo_') as scratch:
        folder = Path(scratch)
        reel = store(source, folder, options.frames)
        sent = perform(options, bundle.path, reel, folder / 'record', options.out)
        record = read_record(folder / 'record', reel.images, reel.truths, sent)
        summary = summarize(options, source, reel, bundle, record)
        files = draw(options, bundle.manifest.taxonomy, source.taxonomy, record, summary)
    summary['seconds'] = round(time.monotonic() - started, 1)
    numbers = options.out / 'summary.json'
    numbers.write_text(json.dumps(summary, indent=2, ensure_ascii=False) + '\n', encoding='utf-8')
    log = options.out / 'node.log'
    return DemoResult(summary, {**files, numbers: 'all numbers', log: 'what the node said'})


def require_ros() -> None:
    """Check that the processes will find ROS, without loading it here.

    Raises:
        DemoError: If a module is missing; says how to get it.
    """
    missing = [name for name in ROS_MODULES if find_spec(name) is None]
    if missing:
        msg = (
            f'The demo runs a real ROS 2 node, and {sys.executable} has no '
            f'{", ".join(missing)}. With ROS 2 installed: source /opt/ros/<distro>/setup.bash '
            'and use its Python. Without: "make demo" brings ROS from PyPI into .venv.'
        )
        raise DemoError(msg)


def source_of(options: DemoOptions) -> Source:
    """Open the input that the options name."""
    if options.input is not None:
        return open_source(options.input, rate=options.rate, topic=options.topic)
    return procedural_source(
        options.frames, seed=options.seed, size=options.size, rate=options.rate
    )


def summarize(
    options: DemoOptions, source: Source, reel: Reel, bundle: Bundle, record: Record
) -> dict[str, Any]:
    """Return all numbers of a run as plain data."""
    moments = record.with_mask()
    values = record.diagnostics
    found: dict[str, Any] = {'mean_iou': None, 'reason': NO_TRUTH}
    if source.taxonomy is not None:
        scored = progress(moments, what='comparing with the exact labels', unit='frame')
        found = quality(scored, source.taxonomy, bundle.manifest.taxonomy)
    return {
        'input': {
            'kind': source.kind,
            'words': input_words(options, source, reel),
            'sizes_height_width': sorted(reel.sizes),
            'rate_hz': options.rate,
            'skipped_files': source.skipped,
        },
        'bundle': {
            'name': bundle.manifest.name,
            'words': f'{bundle.manifest.name} (sha256 {bundle.digest})',
            'sha256': bundle.digest,
            'taxonomy': bundle.manifest.taxonomy.name,
        },
        'engine': {
            'name': values.get('engine', 'unknown'),
            'device': values.get('device', 'unknown'),
            'reason': values.get('engine_reason', ''),
        },
        'frames': frame_counts(record),
        'latency_ms': percentiles(MILLI * m.latency for m in moments if m.latency is not None),
        'stages_ms': stage_times(m.status for m in moments),
        'quality': found,
        'crf': crf_decisions(moments),
        'versions': versions(),
        'machine': machine(),
    }


def input_words(options: DemoOptions, source: Source, reel: Reel) -> str:
    """Return what was played, for people."""
    sizes = sorted(reel.sizes)
    size = f'{sizes[0][1]} x {sizes[0][0]}' if len(sizes) == 1 else f'{len(sizes)} sizes'
    return f'{source.words}, {size}, {reel.frames} frames at {options.rate:g} Hz'


def draw(
    options: DemoOptions,
    classes: Taxonomy,
    truth_classes: Taxonomy | None,
    record: Record,
    summary: Mapping[str, Any],
) -> dict[Path, str]:
    """Write video and contact sheet; return the files with a few words on each."""
    first = record.moments[0].image()
    page = VideoPage(classes, first.shape[0] / first.shape[1], 'seg_node')
    total = len(record.moments)

    def pictures() -> Any:
        frames = page.frames(record.moments)
        return progress(frames, what='writing the video', total=total, unit='frame')

    video, codec = write_video(options.out / 'overlay', pictures, options.rate)
    sheet = contact_sheet(
        record.with_mask(),
        ('seg_node: what came out of the node', subtitle(summary)),
        classes,
        truth_classes,
        partial(score, truth_classes=truth_classes, classes=classes),
    )
    png = options.out / 'contact_sheet.png'
    cv2.imwrite(str(png), cv2.cvtColor(sheet.draw(), cv2.COLOR_RGB2BGR))
    return {
        png: 'a few moments, all outputs side by side',
        video: f'the whole drive ({codec})',
    }


def subtitle(summary: Mapping[str, Any]) -> str:
    """Return the line below the contact sheet's title."""
    words = [summary['input']['words'], f'bundle {summary["bundle"]["name"]}']
    words.append(f'{summary["engine"]["name"]} on {summary["engine"]["device"]}')
    words.append(f'median latency {summary["latency_ms"]["p50"]:.0f} ms')
    if summary['quality']['mean_iou'] is not None:
        words.append(f'mIoU {summary["quality"]["mean_iou"]:.3f}')
    return '  |  '.join(words)


def score(moment: Moment, truth_classes: Taxonomy | None, classes: Taxonomy) -> float | None:
    """Return one moment's mean IoU, 0 to 1; None without truth."""
    if truth_classes is None:
        return None
    found: float | None = quality([moment], truth_classes, classes)['mean_iou']
    return found
