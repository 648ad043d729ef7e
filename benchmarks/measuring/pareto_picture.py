# SPDX-License-Identifier: Apache-2.0
"""The picture of ``pareto.py``: time of a frame against mean IoU, a line per kind of variant."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np

from seg_node.cli.arguments import write_picture
from seg_node.drawing.typography import INK, MUTED, text_width, write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]
    Color = tuple[int, int, int]

__all__ = ['draw']

SIZE = (620, 980)  # [px]
LEFT, RIGHT, TOP, BOTTOM = 84, 30, 104, 74
GRID = (226, 229, 233)
FRONT = (203, 207, 213)
PAPER = 255
MOST_TICKS = 12
COLORS: dict[str, Color] = {'fp32': (33, 102, 172), 'int8': (214, 96, 30)}
SHIFT = 4  # OpenCV's fixed-point bits: places in sixteenths of a pixel
ONNX, OPENVINO = 'onnxruntime', 'openvino'
TIME = 'cpu_best_ms'


@dataclass(frozen=True, slots=True)
class Axes:
    """Ends of both axes: milliseconds, on a logarithmic scale, and per cent."""

    left: float
    right: float
    low: float
    high: float

    def place(self, time: float, score: float) -> tuple[float, float]:
        """Return where a point is [px]."""
        height, width = SIZE
        across = math.log(time / self.left) / math.log(self.right / self.left)
        up = (score - self.low) / (self.high - self.low)
        return LEFT + across * (width - LEFT - RIGHT), height - BOTTOM - up * (
            height - TOP - BOTTOM
        )


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw what ``pareto.py`` measured, as PNG; nothing without accuracy."""
    variants = [one for one in result['variants'] if one['mean_iou'] is not None]
    if not variants:
        print(f'no accuracy was measured, so {path} is not drawn')
        return
    page = np.full((*SIZE, 3), PAPER, np.uint8)
    axes = axes_of(variants)
    draw_axes(page, axes)
    draw_words(page, result)
    draw_front(page, axes, variants)
    for precision in COLORS:
        for stride in sorted({one['stride'] for one in variants}, reverse=True):
            chosen = [v for v in variants if (v['precision'], v['stride']) == (precision, stride)]
            draw_line(page, axes, sorted(chosen, key=time_of))
    draw_legend(page, variants)
    write_picture(path, page)


def axes_of(variants: Sequence[dict[str, Any]]) -> Axes:
    """Return axes that hold all points with some room."""
    times = [each[TIME] for one in variants for each in one['times'].values()]
    scores = [100 * one['mean_iou'] for one in variants]
    low, high = math.floor(min(scores) - 0.5), math.ceil(max(scores) + 0.5)
    return Axes(min(times) * 0.85, max(times) * 1.15, low, high)


def draw_axes(page: UInt8Array, axes: Axes) -> None:
    """Draw the grid, its numbers and what they are."""
    height, width = SIZE
    series = [step * 10.0**power for power in range(4) for step in (1, 2, 3, 5, 7)]
    for time in (one for one in series if axes.left < one < axes.right):
        x = round(axes.place(time, axes.low)[0])
        cv2.line(page, (x, TOP), (x, height - BOTTOM), GRID, 1)
        words = f'{time:g}'
        write(page, words, (x - text_width(words, size=15) // 2, height - BOTTOM + 22), size=15)
    step = next(one for one in (1, 2, 5, 10) if (axes.high - axes.low) / one <= MOST_TICKS)
    for score in range(int(-(-axes.low // step) * step), int(axes.high) + 1, step):
        y = round(axes.place(axes.left, score)[1])
        cv2.line(page, (LEFT, y), (width - RIGHT, y), GRID, 1)
        words = f'{score}'
        write(page, words, (LEFT - 12 - text_width(words, size=15), y + 5), size=15)
    words = 'processor time of a 1280 x 720 frame on one thread, image to masks [ms]'
    write(page, words, (LEFT, height - 20), size=15, color=MUTED)
    write(page, 'mean IoU [%]', (16, TOP - 14), size=15, color=MUTED)


def draw_words(page: UInt8Array, result: dict[str, Any]) -> None:
    """Write what was measured on what."""
    write(
        page,
        'What accuracy costs on a CPU: size, stride, precision',
        (16, 32),
        size=21,
        weight=600,
    )
    words = (
        f'{result["frames"]} frames of {", ".join(result["drives"])} ({result["data"]}), each '
        f'drive judged by a model that never saw it; {result["machine"]["processor"]}'
    )
    write(page, words, (16, 54), size=14, color=MUTED)


def front(variants: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the variants that none beats in both time and accuracy, the fastest first."""
    best, chosen = -math.inf, []
    for one in sorted(variants, key=lambda one: (time_of(one), -one['mean_iou'])):
        if one['mean_iou'] > best:
            best = one['mean_iou']
            chosen.append(one)
    return chosen


def draw_front(page: UInt8Array, axes: Axes, variants: Sequence[dict[str, Any]]) -> None:
    """Draw the stairs above which there is nothing."""
    stairs: list[tuple[float, float]] = []
    for one in front(variants):
        x, y = axes.place(time_of(one), 100 * one['mean_iou'])
        stairs += [(x, stairs[-1][1]), (x, y)] if stairs else [(x, y)]
    stairs.append((SIZE[1] - RIGHT, stairs[-1][1]))
    lines(page, stairs, FRONT, 4)


def draw_line(page: UInt8Array, axes: Axes, variants: Sequence[dict[str, Any]]) -> None:
    """Draw the sizes of one precision and stride: dots for ONNX Runtime, crosses for OpenVINO."""
    color = COLORS[variants[0]['precision']]
    full = variants[0]['stride'] == 2
    places = [axes.place(time_of(one), 100 * one['mean_iou']) for one in variants]
    lines(page, places, color if full else lighter(color), 2)
    for one, place in zip(variants, places, strict=True):
        dot(page, place, color, full=full)
        if OPENVINO in one['times']:
            x, y = axes.place(one['times'][OPENVINO][TIME], 100 * one['mean_iou'])
            cross(page, (x, y), color if full else lighter(color))
        if full:
            words = f'{one["size"][0]} x {one["size"][1]}'
            at = beside(place, words, above=one['precision'] == 'fp32')
            write(page, words, at, size=13, color=color)


def beside(place: tuple[float, float], words: str, *, above: bool) -> tuple[int, int]:
    """Return where a size is written: to the upper left of a point, or to its lower right."""
    x, y = (round(one) for one in place)
    return (x - text_width(words, size=13) + 11, y - 16) if above else (x + 9, y + 22)


def draw_legend(page: UInt8Array, variants: Sequence[dict[str, Any]]) -> None:
    """Say what colours and marks mean."""
    x, y = SIZE[1] - RIGHT - 216, SIZE[0] - BOTTOM - 122
    cv2.rectangle(page, (x - 14, y - 20), (SIZE[1] - RIGHT - 4, y + 112), (250, 250, 251), -1)
    marks = [
        (f'{precision}, stride {stride}', color, stride == 2)
        for precision, color in COLORS.items()
        for stride in (2, 4)
    ]
    for number, (words, color, full) in enumerate(marks):
        dot(page, (x, y + 22 * number), color, full=full)
        write(page, words, (x + 16, y + 22 * number + 5), size=15, color=INK)
    if any(OPENVINO in one['times'] for one in variants):
        cross(page, (x, y + 88), MUTED)
        write(page, 'the same with OpenVINO', (x + 16, y + 93), size=15, color=INK)


def time_of(variant: dict[str, Any]) -> float:
    """Return the time of a variant with ONNX Runtime [ms]."""
    return float(variant['times'][ONNX][TIME])


def lighter(color: Color) -> Color:
    """Return a colour half-way to the paper."""
    red, green, blue = ((one + PAPER) // 2 for one in color)
    return red, green, blue


def lines(
    page: UInt8Array, points: Sequence[tuple[float, float]], color: Color, width: int
) -> None:
    """Draw a smooth polyline."""
    scaled = np.rint(np.array(points) * (1 << SHIFT)).astype(np.int32)
    cv2.polylines(page, [scaled], False, color, width, cv2.LINE_AA, SHIFT)  # noqa: FBT003


def dot(page: UInt8Array, place: tuple[float, float], color: Color, *, full: bool) -> None:
    """Draw a dot, or a ring."""
    x, y = (round(one * (1 << SHIFT)) for one in place)
    radius = 6 << SHIFT
    if full:
        cv2.circle(page, (x, y), radius, color, -1, cv2.LINE_AA, SHIFT)
    else:
        cv2.circle(page, (x, y), radius, (PAPER,) * 3, -1, cv2.LINE_AA, SHIFT)
        cv2.circle(page, (x, y), radius, color, 2, cv2.LINE_AA, SHIFT)


def cross(page: UInt8Array, place: tuple[float, float], color: Color) -> None:
    """Draw a small cross."""
    x, y = place
    for dx, dy in ((5, 5), (5, -5)):
        lines(page, [(x - dx, y - dy), (x + dx, y + dy)], color, 2)
