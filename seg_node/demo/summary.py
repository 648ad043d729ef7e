# SPDX-License-Identifier: Apache-2.0
"""Numbers of a run, for programs (``summary.json``) and for people (the printed table)."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from importlib import metadata
import math
import os
from pathlib import Path
import platform
from typing import Any, TYPE_CHECKING

import numpy as np

from seg_node.errors import TaxonomyError
from seg_node.metrics import class_iou, classes_in_mean, count_pairs, mean_iou_of_set
from seg_node.taxonomy import group_id_map

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from seg_node.taxonomy import Taxonomy

    from .record import Moment, Record

__all__ = ['frame_counts', 'percentiles', 'quality', 'stage_times', 'table', 'versions']

PERCENTILES = (50, 95, 99)
STAGE_SUFFIX = '_ms'
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
            if key.endswith(STAGE_SUFFIX):
                times.setdefault(key.removesuffix(STAGE_SUFFIX), []).append(float(text))
    return {stage: percentiles(values) for stage, values in times.items()}


def frame_counts(record: Record) -> dict[str, Any]:
    """Return what became of the frames.

    ``lost_on_the_way`` were sent and never reached the node; ``dropped`` are the node's own counts
    by reason; ``lost_masks`` were published and never reached the recorder.
    """
    sent, masks = len(record.moments), len(record.with_mask())
    values = record.diagnostics
    counts: dict[str, Any] = {'sent': sent, 'masks': masks, 'foreign_masks': record.strangers}
    if 'received' not in values:
        return counts | {'received_by_node': None}
    received = int(values['received'])
    dropped = {
        key.removeprefix(DROP_PREFIX): int(text)
        for key, text in values.items()
        if key.startswith(DROP_PREFIX) and int(text)
    }
    return counts | {
        'received_by_node': received,
        'lost_on_the_way': sent - received,
        'dropped': dropped,
        'lost_masks': received - sum(dropped.values()) - masks,
    }


def crf_decisions(moments: Sequence[Moment]) -> dict[str, Any]:
    """Return how many frames the CRF refined, and how often it decided what."""
    decisions = Counter(m.status['crf'] for m in moments if 'crf' in m.status)
    return {'frames_refined': decisions['ran'], 'decisions': dict(decisions)}


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


def table(summary: Mapping[str, Any]) -> str:
    """Return the run in a few aligned lines."""
    rows = [
        ('input', summary['input']['words']),
        ('bundle', summary['bundle']['words']),
        ('engine', engine_words(summary['engine'])),
        ('frames', frame_words(summary['frames'])),
        ('latency', latency_words(summary['latency_ms'])),
        ('node', stage_words(summary['stages_ms'])),
        ('quality', quality_words(summary['quality'])),
        ('CRF', crf_words(summary['crf'])),
    ]
    return '\n'.join(f'  {name:<9}{words}' for name, words in rows)


def engine_words(engine: Mapping[str, Any]) -> str:
    """Return which engine ran, and why."""
    named = f'{engine["name"]} on {engine["device"]}'
    return f'{named} ({engine["reason"].rstrip(".")})' if engine.get('reason') else named


def frame_words(frames: Mapping[str, Any]) -> str:
    """Return what became of the frames."""
    words = [f'{frames["sent"]} sent', f'{frames["masks"]} masks back']
    if lost := frames.get('lost_on_the_way'):
        words.append(f'{lost} lost on the way to the node')
    words += [f'{n} dropped ({reason})' for reason, n in frames.get('dropped', {}).items()]
    if lost := frames.get('lost_masks'):
        words.append(f'{lost} masks lost on the way back')
    if frames.get('foreign_masks'):
        words.append(f'{frames["foreign_masks"]} masks with a stamp that nobody sent')
    complete = frames['sent'] == frames['masks']
    return ', '.join(words) + (', none lost' if complete else '')


def latency_words(latency: Mapping[str, float]) -> str:
    """Return end-to-end latency."""
    if not latency:
        return 'no mask came back'
    quoted = ', '.join(f'{latency[key]:.0f} ms {key}' for key in ('p50', 'p95', 'p99'))
    return f'{quoted}, from the stamp of the image to the mask in another process'


def stage_words(stages: Mapping[str, Mapping[str, float]]) -> str:
    """Return the median of each stage inside the node."""
    if not stages:
        return 'no times were reported'
    quoted = [f'{name} {one["p50"]:.1f}' for name, one in stages.items() if name in STAGES]
    return f'{", ".join(quoted)} ms (medians)'


STAGES = ('decode', 'fit', 'infer', 'finish', 'crf', 'publish')


def quality_words(found: Mapping[str, Any]) -> str:
    """Return mean IoU, or why there is none."""
    if found['mean_iou'] is None:
        return str(found['reason'])
    return (
        f'mIoU {found["mean_iou"]:.3f} against exact labels '
        f'({found["classes_in_mean"]} classes, {found["frames"]} frames)'
    )


def crf_words(crf: Mapping[str, Any]) -> str:
    """Return what the CRF did."""
    off = set(crf['decisions']) <= {'off'}
    return f'{crf["frames_refined"]} frames refined' + (' (CRF off)' if off else '')
