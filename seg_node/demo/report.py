# SPDX-License-Identifier: Apache-2.0
"""A run in a few lines for people."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ['headline', 'table']

# Of the node's stages, those that are work; in its order.
STAGES = ('decode', 'fit', 'infer', 'finish', 'crf', 'publish')
NAME_WIDTH = 9


def table(summary: Mapping[str, Any]) -> str:
    """Return the run in a few aligned lines.

    Args:
        summary: As in ``summary.json``.
    """
    rows = {
        'input': input_words(summary['input']),
        'rate': rate_words(summary['input']),
        'bundle': f'{summary["bundle"]["name"]} (sha256 {summary["bundle"]["sha256"]})',
        'engine': engine_words(summary['engine']),
        'frames': frame_words(summary['frames']),
        'latency': latency_words(summary['latency_ms']),
        'node': stage_words(summary['stages_ms']),
        'quality': quality_words(summary['quality']),
        'CRF': crf_words(summary['crf']),
    }
    return '\n'.join(f'  {name:<{NAME_WIDTH}}{words}' for name, words in rows.items())


def headline(summary: Mapping[str, Any], *, latency: bool = True) -> str:
    """Return the run in one line, for the top of a page.

    Args:
        summary: As in ``summary.json``.
        latency: Whether it is told; it belongs to this machine on this day.
    """
    words = [
        input_words(summary['input']),
        f'bundle {summary["bundle"]["name"]}',
        f'{summary["engine"]["name"]} on {summary["engine"]["device"]}',
    ]
    if latency and summary['latency_ms']:
        words.append(f'median latency {summary["latency_ms"]["p50"]:.0f} ms')
    if (mean := summary['quality']['mean_iou']) is not None:
        words.append(f'mIoU {mean:.3f}')
    return '  |  '.join(words)


def input_words(found: Mapping[str, Any]) -> str:
    """Return what was played."""
    sizes = found['sizes_height_width']
    size = f'{sizes[0][1]} x {sizes[0][0]}' if len(sizes) == 1 else f'{len(sizes)} sizes'
    words = f'{found["words"]}, {size}, {found["frames"]} frames'
    if skipped := found['skipped_files']:
        words += f', {len(skipped)} files could not be decoded ({skipped[0]}, ...)'
    return words


def rate_words(found: Mapping[str, Any]) -> str:
    """Return how fast it was played."""
    drive, played = found['drive_rate_hz'], found['played_rate_hz']
    if played < drive:
        return f'{played:.1f} Hz, slowed down from {drive:g} Hz to what this machine keeps up with'
    return f'{played:g} Hz'


def engine_words(engine: Mapping[str, Any]) -> str:
    """Return which engine ran, and why."""
    named = f'{engine["name"]} on {engine["device"]}'
    return f'{named} ({engine["reason"].rstrip(".")})' if engine['reason'] else named


def frame_words(frames: Mapping[str, Any]) -> str:
    """Return what became of the frames."""
    words = [f'{frames["sent"]} sent', f'{frames["masks"]} masks back']
    if lost := frames.get('lost_on_the_way'):
        words.append(f'{lost} lost on the way to the node')
    words += [f'{n} dropped ({reason})' for reason, n in frames.get('dropped', {}).items()]
    if lost := frames.get('lost_masks'):
        words.append(f'{lost} masks lost on the way back')
    if frames['foreign_masks']:
        words.append(f'{frames["foreign_masks"]} masks with a stamp that nobody sent')
    if frames['sent'] == frames['masks']:
        words.append('none lost')
    return ', '.join(words)


def latency_words(latency: Mapping[str, float]) -> str:
    """Return end-to-end latency."""
    if not latency:
        return 'no mask came back'
    quoted = ', '.join(f'{key} {latency[key]:.0f} ms' for key in ('p50', 'p95', 'p99'))
    return f"{quoted}; from the image's stamp to the mask in another process"


def stage_words(stages: Mapping[str, Mapping[str, float]]) -> str:
    """Return the median of each stage inside the node."""
    quoted = [f'{name} {stages[name]["p50"]:.1f}' for name in STAGES if name in stages]
    return f'{", ".join(quoted)} ms (medians)' if quoted else 'reported no times'


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
    words = f'frames refined: {crf["frames_refined"]}'
    if cost := crf['cost_ms']:
        words += f' ({crf["backend"]}, median {cost["p50"]:.0f} ms)'
    others = {name: n for name, n in crf['decisions'].items() if name != 'ran'}
    if set(others) <= {'off'} and not crf['frames_refined']:
        return f'{words} (CRF off)'
    words += ''.join(f', {name.replace("_", " ")}: {n}' for name, n in others.items())
    if crf['mean_iou_before'] is not None:
        words += (
            f'; mIoU of {crf["compared_frames"]} of them {crf["mean_iou_before"]:.3f} before, '
            f'{crf["mean_iou_after"]:.3f} after'
        )
    return words
