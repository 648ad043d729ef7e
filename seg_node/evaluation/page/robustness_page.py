# SPDX-License-Identifier: Apache-2.0
"""The page about corrupted images: plots, tables, and what was done to the images."""

from __future__ import annotations

from html import escape
from typing import Any, TYPE_CHECKING

from seg_node.errors import ParameterError
from seg_node.evaluation.corruptions import STRENGTHS
from seg_node.evaluation.page import raster, tables
from seg_node.evaluation.page.curves import nice_top
from seg_node.evaluation.page.parts import html_page
from seg_node.evaluation.page.plot import Axes, Span
from seg_node.evaluation.report import json_text
from seg_node.evaluation.robustness import CLEAN, SHOWN
from seg_node.evaluation.text import percent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    Point = tuple[float, float]

__all__ = ['write_robustness_page']

PAGE, NUMBERS = 'index.html', 'robustness.json'
STYLES = ('s0', 's1', 's2', 's3', 's4')
CLOSE = 0.055  # labels nearer to each other than this share of the axis are moved apart
SHEET_TEXT = (
    'One frame at all strengths. The same frame is always corrupted in the same way; frames '
    'differ in their noise, the place of the sun and the direction of the motion.'
)


def write_robustness_page(
    data: Mapping[str, Any], sheet: npt.NDArray[np.uint8], folder: Path
) -> Path:
    """Write the page and the numbers beside it.

    Args:
        data: As from ``measure_robustness``, with ``bundle``, ``dataset``, ``split`` and
            ``temperature``.
        sheet: (H, W, 3) uint8 RGB, from ``corruption_sheet``.
        folder: Where ``index.html`` and ``robustness.json`` go; it exists.

    Returns:
        The page.

    Raises:
        ParameterError: If they cannot be written.
    """
    title = f'{data["bundle"]["name"]} on {data["dataset"]}, {data["split"]}, corrupted'
    facts = f'{data["frames"]} frames · {data["protocol"]} · temperature {data["temperature"]:g}'
    plots = ''.join(
        f'<div><h3>{escape(words)}</h3>{_plot(data, key, words)}</div>'
        for key, words in SHOWN.items()
    )
    lists = ''.join(
        f'<h3>{escape(words)}</h3><div class="scroll">{_table(data, key)}</div>'
        for key, words in SHOWN.items()
    )
    html = html_page(
        title,
        f'<h1>{escape(title)}</h1><p class="lead">{escape(facts)}</p>'
        f'<div class="plots">{plots}</div>{lists}<h2>What was done to the images</h2>'
        f'<p>{SHEET_TEXT}</p><div class="wide">{raster.picture(sheet, "corruptions")}</div>',
    )
    try:
        (folder / PAGE).write_text(html, encoding='utf-8')
        (folder / NUMBERS).write_text(json_text(data), encoding='utf-8')
    except OSError as err:
        msg = f'The page cannot be written to {str(folder)!r}: {err.strerror}. Free space there.'
        raise ParameterError(msg) from err
    return folder / PAGE


def _plot(data: Mapping[str, Any], key: str, words: str) -> str:
    """Return one line per corruption, from clean (0) to strength 5, named at its end."""
    lines = {
        name: _points([data[CLEAN], *figures], key)
        for name, figures in data['corruptions'].items()
    }
    highest = max((y for line in lines.values() for _, y in line), default=1.0)
    top, ticks, digits = nice_top(highest)
    across = Span('strength (0: clean)', 0, 6, (0, *STRENGTHS))
    axes = Axes(across, Span(words, 0, top, ticks, digits), words)
    ends = []
    for (name, line), style in zip(lines.items(), STYLES, strict=False):
        axes.line(line, style)
        if line:
            ends.append((line[-1][1], name))
    height = -1.0
    for value, name in sorted(ends):
        height = max(value, height + CLOSE * top)
        axes.text((5.1, height - 0.012 * top), name)
    return axes.svg()


def _points(figures: list[Mapping[str, Any]], key: str) -> list[Point]:
    """Return strength and figure in percent, where there is one."""
    return [
        (float(strength), 100.0 * one[key])
        for strength, one in enumerate(figures)
        if one[key] is not None
    ]


def _table(data: Mapping[str, Any], key: str) -> str:
    rows = [
        (name, percent(data[CLEAN][key]), *(percent(one[key]) for one in figures))
        for name, figures in data['corruptions'].items()
    ]
    head = ('corruption', CLEAN, *(f'strength {strength}' for strength in STRENGTHS))
    return tables.plain_table(head, rows)
