# SPDX-License-Identifier: Apache-2.0
"""The demo from beginning to end."""

from __future__ import annotations

from dataclasses import dataclass
import json
from pathlib import Path
import tempfile
import time
from typing import Any, TYPE_CHECKING

from seg_node.bundle import open_bundle
from seg_node.processes import polite_signals, require_ros

from .artwork import Artist
from .performance import perform
from .record import read_record
from .reel import store
from .refined import effect, look_again, truth_ids
from .sources import open_source, procedural_source
from .summary import Played, summarize

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .options import DemoOptions
    from .sources import Source

__all__ = ['DemoResult', 'run_demo']


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
        DemoError: If the input cannot be read.
        ProcessError: If ROS is missing or a process fails.
        SegNodeError: Others of the family, for example for a damaged bundle.
    """
    require_ros()
    bundle = open_bundle(options.bundle)
    started = time.monotonic()
    source = source_of(options)
    logs = options.out / 'logs'
    logs.mkdir(parents=True, exist_ok=True)
    with polite_signals(), tempfile.TemporaryDirectory(prefix='seg_demo_') as scratch:
        folder = Path(scratch)
        reel = store(source, folder, options.frames)
        performance = perform(options, bundle.path, reel, folder / 'record', logs)
        record = read_record(folder / 'record', reel, performance)
        played = Played(source, reel, performance, record)
        summary = summarize(played, bundle, options.drive_rate)
        classes = bundle.manifest.taxonomy
        engine = summary['engine']['name'], summary['engine']['precision']
        refined = look_again(record.with_mask(), bundle, engine)
        summary['crf'] |= effect(refined, truth_ids(source.taxonomy, classes), classes)
        artist = Artist(record, summary, classes, source.taxonomy, options.drive_rate)
        files = artist.draw(options.out) | artist.draw_refined(refined, options.out)
    summary['seconds'] = round(time.monotonic() - started, 1)
    numbers = options.out / 'summary.json'
    numbers.write_text(json.dumps(summary, indent=2, ensure_ascii=False) + '\n', encoding='utf-8')
    log = logs / 'node.log'
    return DemoResult(summary, {**files, numbers: 'all numbers', log: 'what the node said'})


def source_of(options: DemoOptions) -> Source:
    """Open the input that the options name."""
    if options.input is not None:
        return open_source(options.input, rate=options.drive_rate, topic=options.topic)
    return procedural_source(
        options.frames, seed=options.seed, size=options.size, rate=options.drive_rate
    )
