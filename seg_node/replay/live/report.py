# SPDX-License-Identifier: Apache-2.0
"""What a live replay has shown, as plain data and in words."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any, TYPE_CHECKING

import numpy as np

from seg_node.evaluation.figures import number
from seg_node.evaluation.text import percent, table
from seg_node.metrics import mean_iou_of_set

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seg_node.replay.live.frames import LiveFrame
    from seg_node.replay.live.options import LiveOptions
    from seg_node.replay.live.performance import Performance
    from seg_node.replay.live.verify import Verdict
    from seg_node.replay.record import FrameRecord

__all__ = ['LIVE_FORMAT', 'as_json', 'as_text', 'faults', 'scores_of']

LIVE_FORMAT = 1
DIGITS = 3
DROPPED = 'dropped_'
PERCENTILES = {'p50': 50, 'p95': 95, 'p99': 99, 'max': 100}


def as_json(
    frames: Sequence[LiveFrame],
    performance: Performance,
    live: LiveOptions,
    verdict: Verdict,
    offline: Mapping[str, Any],
) -> dict[str, Any]:
    """Return plain data for ``live.json``, described in ``docs/compare.md``.

    Args:
        frames: All images that were sent.
        performance: What else happened.
        live: Rate and repetitions.
        verdict: Masks held against the offline run.
        offline: Figures of the offline run, see ``scores_of``, and its latency.
    """
    counts = performance.counts
    received, processed = (int(counts.get(name, 0)) for name in ('received', 'processed'))
    answered = [one for one in frames if one.digest is not None]
    latencies = [one.latency for one in answered if one.latency is not None]
    return {
        'format': LIVE_FORMAT,
        'kind': 'live replay',
        'rate': live.rate,
        'loops': live.loops,
        'sent': len(frames),
        'damaged': performance.damaged,
        'received': received,
        'processed': processed,
        'masks': len(answered),
        'lost_on_the_way': len(frames) - received,
        'dropped': {
            name.removeprefix(DROPPED): int(count)
            for name, count in sorted(counts.items())
            if name.startswith(DROPPED) and int(count)
        },
        'masks_lost': processed - len(answered),
        'strangers': verdict.strangers,
        'crf_frames': dict(sorted(Counter(one.crf for one in frames if one.crf).items())),
        'latency_ms': _spread(1e3 * one for one in latencies),
        'lag_s': _spread(live.rate * one for one in latencies),
        'longest_time_without_mask_s': _longest_gap(frames),
        'player_late_ms': _spread(1e3 * max(0.0, one.late) for one in frames),
        'masks_compared': verdict.compared,
        'masks_different': len(verdict.different),
        'masks_of_another_engine': verdict.of_others,
        'masks_of_unknown_decision': verdict.undecided,
        'different': [
            {'bag': one.bag, 'pass': one.repetition, 'index': one.index, 'stamp_ns': one.stamp_ns}
            for one in verdict.different[:20]
        ],
        'offline': dict(offline),
    }


def scores_of(
    records: Iterable[FrameRecord], processed: set[tuple[str, int]], classes: int
) -> dict[str, Any]:
    """Return what the frames that the node processed are worth beside all of them.

    Args:
        records: Of the offline run, whose masks are those of the node.
        processed: Bag and index of the frames that came back.
        classes: Number of classes that were compared.

    Returns:
        Mean IoU of the processed frames and of all, None without truth.
    """
    live, everything = (np.zeros((classes, classes), np.int64) for _ in range(2))
    for record in records:
        for true, taken, pixels in record.confusion or ():
            everything[true, taken] += pixels
            if (record.bag, record.index) in processed:
                live[true, taken] += pixels
    return {
        'mean_iou_of_processed': number(mean_iou_of_set(live)),
        'mean_iou_of_all': number(mean_iou_of_set(everything)),
    }


def as_text(data: Mapping[str, Any]) -> str:
    """Return the report for people, without a newline at its end.

    Args:
        data: As from ``as_json``.
    """
    rows = [
        [words, *(_cell(data[name][one]) for one in PERCENTILES)]
        for name, words in (
            ('latency_ms', 'image sent to mask received [ms]'),
            ('lag_s', 'how far the drive had gone on [s]'),
            ('player_late_ms', 'player late [ms]'),
        )
    ]
    offline = data['offline']
    rows.append(
        [
            'offline, whole frame [ms]',
            *(_cell(offline['latency_ms'].get(one)) for one in PERCENTILES),
        ]
    )
    return '\n\n'.join(
        part for part in (_passage(data), table(['', *PERCENTILES], rows), _worth(data)) if part
    )


def faults(data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return why the node cannot be said to do what the offline replay does; nothing if it can.

    Args:
        data: As from ``as_json``.
    """
    found = []
    if data['masks_different']:
        found.append(
            f'{data["masks_different"]} of {data["masks_compared"]} masks differ from those of '
            'the offline replay; the first are named under "different" of live.json.'
        )
    if not data['masks_compared']:
        why = ', '.join(f'{count} are {whose}' for count, whose in _left_out(data))
        found.append(
            f'None of {data["masks"]} masks could be compared with the offline replay'
            f'{f": {why}" if why else ""}. Play a longer drive, or more loops.'
        )
    if data['strangers']:
        found.append(
            f'{data["strangers"]} masks came for which no image was sent: somebody else publishes '
            'in this DDS domain, or the node changes stamps.'
        )
    return tuple(found)


def _passage(data: Mapping[str, Any]) -> str:
    dropped = ', '.join(f'{reason} {count}' for reason, count in data['dropped'].items())
    decided = ', '.join(f'{name} {count}' for name, count in data['crf_frames'].items())
    different, compared = data['masks_different'], data['masks_compared']
    if different:
        same = f'{different} of {compared} DIFFER from the offline ones'
    elif compared:
        same = f'{compared} compared, each equal to the offline one, byte for byte'
    else:
        same = 'NONE compared'
    for count, whose in _left_out(data):
        same += f'; {count} {whose} not compared'
    return '\n'.join(
        [
            f'live     {data["rate"]:g} x the pace of the drive, {data["loops"]} time(s)',
            f'images   {data["sent"]} sent, {data["lost_on_the_way"]} lost on the way to the node',
            f'dropped  {dropped or "none"}',
            f'masks    {data["masks"]}, {data["masks_lost"]} lost on the way back; {same}',
            f'CRF      {decided}',
            f'gap      {data["longest_time_without_mask_s"]:g} s of the drive without a mask',
        ]
    )


def _left_out(data: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Return how many masks were not compared, and whose they are."""
    counts = [
        (data['masks_of_another_engine'], 'of another engine'),
        (data['masks_of_unknown_decision'], 'of unknown decision about the CRF'),
    ]
    return [(count, whose) for count, whose in counts if count]


def _worth(data: Mapping[str, Any]) -> str:
    offline = data['offline']
    if offline['mean_iou_of_all'] is None:
        return ''
    return (
        f'mean IoU of the frames that the node processed '
        f'{percent(offline["mean_iou_of_processed"], 2)} %, of all frames '
        f'{percent(offline["mean_iou_of_all"], 2)} %'
    )


def _spread(values: Iterable[float]) -> dict[str, float | None]:
    """Return percentiles; None of nothing."""
    known = np.array(list(values), np.float64)
    if not known.size:
        return dict.fromkeys(PERCENTILES)
    return {
        name: round(float(np.percentile(known, percent)), DIGITS)
        for name, percent in PERCENTILES.items()
    }


def _longest_gap(frames: Sequence[LiveFrame]) -> float:
    """Return the longest time of the drive between two frames with masks, in one recording [s]."""
    answered = [one for one in frames if one.digest is not None]
    gaps = [
        (later.log_ns - one.log_ns) / 1e9
        for one, later in pairwise(answered)
        if (one.bag, one.repetition) == (later.bag, later.repetition)
    ]
    return round(max(gaps, default=0.0), DIGITS)


def _cell(value: float | None) -> str:
    return '-' if value is None else f'{value:.1f}'
