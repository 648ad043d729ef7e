# SPDX-License-Identifier: Apache-2.0
"""Numbers of a run, as plain data."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
import math
import os
from pathlib import Path
import platform
from typing import Any, TYPE_CHECKING

import numpy as np

from seg_node.errors import TaxonomyError
from seg_node.metrics import class_iou, classes_in_mean, count_pairs, mean_iou_of_set
from seg_node.progress import progress
from seg_node.taxonomy import group_id_map

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from seg_node.bundle import Bundle
    from seg_node.taxonomy import Taxonomy

    from .performance import Performance
    from .record import Moment, Record
    from .reel import Reel
    from .sources import Source

__all__ = ['Played', 'frame_counts', 'percentiles', 'quality', 'stage_times', 'summarize']

PERCENTILES = (50, 95, 99)
STAGE_SUFFIX = '_ms'
CRF_PREDICTED = 'crf_predicted_ms'  # a forecast, no stage
MILLI = 1e3
NO_TRUTH = 'not known, the input has no exact labels'
DROP_PREFIX = 'dropped_'
# Distributions whose version explains a result; those that are not installed are left out.
DISTRIBUTIONS = (
    'seg_node',
    'numpy',
    'opencv-python-headless',
    'opencv-python',
    'onnxruntime',
    'onnxruntime-gpu',
    'openvino',
    'tensorrt',
    'torch',
    'pydensecrf2',
    'ros-rclpy',
    'rclpy',
)


@dataclass(frozen=True, slots=True)
class Played:
    """A run, from what was played to what was recorded."""

    source: Source
    reel: Reel
    performance: Performance
    record: Record


def summarize(played: Played, bundle: Bundle, drive_rate: float) -> dict[str, Any]:
    """Return all numbers of a run, ready for JSON.

    Args:
        played: The run.
        bundle: Which the node ran.
        drive_rate: Frames per second of the drive's own time [Hz].
    """
    record, performance = played.record, played.performance
    moments = record.with_mask()
    return {
        'input': input_facts(played, drive_rate),
        'bundle': {
            'name': bundle.manifest.name,
            'sha256': bundle.digest,
            'taxonomy': bundle.manifest.taxonomy.name,
        },
        'engine': {
            'name': record.diagnostics.get('engine', 'unknown'),
            'device': record.diagnostics.get('device', 'unknown'),
            'precision': record.diagnostics.get('precision', 'unknown'),
            'reason': record.diagnostics.get('engine_reason', ''),
        },
        'frames': frame_counts(record, performance.counts),
        'latency_ms': percentiles(MILLI * m.latency for m in moments if m.latency is not None),
        'stages_ms': stage_times(m.status for m in moments),
        'quality': known_quality(played.source.taxonomy, bundle.manifest.taxonomy, moments),
        'crf': crf_decisions(moments),
        'versions': versions(),
        'machine': machine(),
    }


def input_facts(played: Played, drive_rate: float) -> dict[str, Any]:
    """Return what was played, and how fast."""
    return {
        'kind': played.source.kind,
        'words': played.source.words,
        'frames': played.reel.frames,
        'sizes_height_width': [list(size) for size in sorted(played.reel.sizes)],
        'drive_rate_hz': drive_rate,
        'played_rate_hz': round(played.performance.rate, 3),
        'skipped_files': played.source.skipped,
    }


def known_quality(
    truth_taxonomy: Taxonomy | None, mask_taxonomy: Taxonomy, moments: Sequence[Moment]
) -> dict[str, Any]:
    """Return the quality of the masks, or that nobody knows it."""
    if truth_taxonomy is None:
        return {'mean_iou': None, 'reason': NO_TRUTH}
    compared = progress(moments, what='comparing with the exact labels', unit='frame')
    return quality(compared, truth_taxonomy, mask_taxonomy)


def percentiles(values: Iterable[float]) -> dict[str, float]:
    """Return p50, p95, p99 and max, in the unit of the values; empty without any."""
    found = list(values)
    if not found:
        return {}
    result = {f'p{q}': float(np.percentile(found, q)) for q in PERCENTILES}
    return result | {'max': max(found)}


def stage_times(statuses: Iterable[Mapping[str, str]]) -> dict[str, dict[str, float]]:
    """Return percentiles of each stage the node reports [ms], in its own order.

    Args:
        statuses: Values of the status topic per frame; ``fit_ms: '2.5'`` is stage ``fit``.
    """
    times: dict[str, list[float]] = {}
    for status in statuses:
        for key, text in status.items():
            if key.endswith(STAGE_SUFFIX) and key != CRF_PREDICTED:
                times.setdefault(key.removesuffix(STAGE_SUFFIX), []).append(float(text))
    return {stage: percentiles(values) for stage, values in times.items()}


def frame_counts(record: Record, before: Mapping[str, str]) -> dict[str, Any]:
    """Return what became of the frames.

    ``lost_on_the_way`` were sent and never reached the node; ``dropped`` are the node's own counts
    by reason; ``lost_masks`` were published and never reached the recorder.

    Args:
        record: The run.
        before: The node's diagnostics when the drive began; what it had counted by then is
            subtracted.
    """
    sent, masks = len(record.moments), len(record.with_mask())
    values = record.diagnostics
    counts: dict[str, Any] = {'sent': sent, 'masks': masks, 'foreign_masks': record.strangers}
    if 'received' not in values:
        return counts | {'received_by_node': None}
    received = counted('received', values, before)
    dropped = {
        key.removeprefix(DROP_PREFIX): number
        for key in values
        if key.startswith(DROP_PREFIX) and (number := counted(key, values, before))
    }
    return counts | {
        'received_by_node': received,
        'lost_on_the_way': sent - received,
        'dropped': dropped,
        'lost_masks': received - sum(dropped.values()) - masks,
    }


def counted(key: str, values: Mapping[str, str], before: Mapping[str, str]) -> int:
    """Return how far a count of the node has risen."""
    return int(values[key]) - int(before.get(key, '0'))


def crf_decisions(moments: Sequence[Moment]) -> dict[str, Any]:
    """Return how many frames the CRF refined, how often it decided what, and what it took."""
    decisions = Counter(m.status['crf'] for m in moments if 'crf' in m.status)
    ran = [m.status for m in moments if m.status.get('crf') == 'ran']
    return {
        'frames_refined': decisions['ran'],
        'decisions': dict(decisions),
        'backend': ran[-1].get('crf_backend') if ran else None,
        'cost_ms': percentiles(float(status['crf_ms']) for status in ran),
    }


def quality(
    moments: Iterable[Moment], truth_taxonomy: Taxonomy, mask_taxonomy: Taxonomy
) -> dict[str, Any]:
    """Compare all masks with the exact labels.

    Counts are summed over all frames and divided once. Where the bundle has other classes than the
    truth, the truth is turned into the bundle's.

    Returns:
        ``mean_iou`` (0 to 1) over the classes that occur, ``class_iou`` by name, and ``frames``;
        ``mean_iou`` is None, with a ``reason``, where the two class lists have no relation.
    """
    try:
        ids = group_id_map(truth_taxonomy, mask_taxonomy)
    except TaxonomyError as err:
        return {'mean_iou': None, 'reason': str(err)}
    counts = np.zeros((len(mask_taxonomy),) * 2, np.int64)
    frames = 0
    for moment in moments:
        truth, mask = moment.truth(), moment.plane('mask')
        if truth is not None and mask is not None:
            counts += count_pairs(ids.apply(truth), mask, len(mask_taxonomy))
            frames += 1
    return scores(counts, mask_taxonomy) | {'frames': frames}


def scores(counts: npt.NDArray[np.int64], taxonomy: Taxonomy) -> dict[str, Any]:
    """Return mean and single IoU from (K, K) counts, in plain data."""
    ious = class_iou(counts)
    by_name = {
        name: float(iou)
        for name, iou in zip(taxonomy.names, ious, strict=True)
        if not math.isnan(iou)
    }
    mean = float(mean_iou_of_set(counts)) if by_name else None
    return {
        'mean_iou': mean,
        'classes_in_mean': int(classes_in_mean(ious)),
        'class_iou': by_name,
    }


def versions() -> dict[str, str]:
    """Return what ran: interpreter, libraries, ROS, machine."""
    found = {'python': platform.python_version()}
    for name in DISTRIBUTIONS:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    if distro := os.environ.get('ROS_DISTRO'):
        found['ros_distro'] = distro
    return found


def machine() -> dict[str, Any]:
    """Return processor and number of cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    return {'processor': processor(), 'cores': cores, 'system': platform.platform()}


def processor(cpuinfo: Path = Path('/proc/cpuinfo')) -> str:
    """Return the processor's name, as the system gives it."""
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding='utf-8', errors='replace').splitlines():
            if line.startswith('model name'):
                return line.partition(':')[2].strip()
    return platform.processor() or platform.machine()
