# SPDX-License-Identifier: Apache-2.0
"""The page as a whole, made from the JSON of an evaluation or a pool."""

from __future__ import annotations

from html import escape
from typing import Any, TYPE_CHECKING

from seg_node.errors import ParameterError
from seg_node.evaluation.page import curves, raster, tables
from seg_node.evaluation.page.style import STYLE
from seg_node.evaluation.pictures import COLUMNS, KEYS
from seg_node.evaluation.report import json_text
from seg_node.evaluation.sums import Sums
from seg_node.evaluation.text import notes, percent
from seg_node.taxonomy import Taxonomy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from seg_node.drawing import SheetRow

__all__ = ['document', 'write_page']

PAGE, NUMBERS = 'index.html', 'figures.json'
SHOWN_DIGITS = 12
RIGHT_TEXT = (
    'Each line is one true class; a cell is the percentage of its pixels that were taken for the '
    'class of the column. Blue is right, orange is wrong. Blank is below 0.05 %.'
)
RELIABILITY_TEXT = (
    'On the diagonal, a confidence of 80 % means that 80 % of such pixels are right. Below it the '
    'network is too sure. Bars: share of all pixels.'
)
RISK_TEXT = (
    'If only the surest pixels are used: how many of them are wrong. A useful confidence makes '
    'this fall steeply to the left.'
)
TEMPERATURE_TEXT = (
    'Scores are divided by the temperature before they become probabilities. The least negative '
    'log-likelihood marks the temperature at which they fit these frames best.'
)
DRIVABLE_TEXT = (
    'What the node publishes as drivable area at each drivable.min_probability, with its default '
    'limit on the entropy. Recall (solid) and precision (dashed) of drivable pixels; and the '
    'share of the pixels of people and vehicles that are published as drivable. Dotted: threshold.'
)
ERROR_TEXT = (
    'Where in the image the pixels of each true class are wrong. A part in which the class does '
    'not occur is chequered.'
)


def write_page(
    data: Mapping[str, Any], folder: Path, worst: Sequence[SheetRow] = ()
) -> tuple[Path, Path]:
    """Write the page and, beside it, the numbers.

    Args:
        data: As from ``as_json`` or ``pooled_json``.
        folder: Where ``index.html`` and ``figures.json`` go; it exists.
        worst: Frames of the lowest mean IoU, as from ``pictures.frame_rows``.

    Returns:
        Both files.

    Raises:
        ParameterError: If they cannot be written.
    """
    page, numbers = folder / PAGE, folder / NUMBERS
    try:
        page.write_text(document(data, worst), encoding='utf-8')
        numbers.write_text(json_text(data), encoding='utf-8')
    except OSError as err:
        msg = f'The page cannot be written to {str(folder)!r}: {err.strerror}. Free space there.'
        raise ParameterError(msg) from err
    return page, numbers


def document(data: Mapping[str, Any], worst: Sequence[SheetRow] = ()) -> str:
    """Return the page as HTML that refers to nothing outside itself."""
    classes = Taxonomy.from_dict(data['sums']['taxonomy'])
    sums = Sums.from_plain(data['sums'], len(classes))
    title = _title(data)
    body = [
        _head(title, data),
        tables.cards(data),
        *(f'<p>{escape(note)}</p>' for note in notes(data)),
        _section('Classes', '', _scroll(tables.class_table(data, classes)), _categories(data)),
        _section('Confusion', RIGHT_TEXT, _scroll(tables.confusion_table(data, classes))),
        _calibration(sums, data),
        _drivable(sums, classes, data),
        _section('Where the errors are', ERROR_TEXT, raster.error_maps(sums, classes)),
        _worst(worst, classes),
        _conditions(data),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><style>{STYLE}</style></head>\n'
        f'<body>{"".join(body)}</body></html>\n'
    )


def _title(data: Mapping[str, Any]) -> str:
    sources = data['sources']
    if len(sources) > 1:
        return f'{len(sources)} evaluations, pooled'
    return f'{sources[0]["bundle"]} on {sources[0]["dataset"]}, {sources[0]["split"]}'


def _head(title: str, data: Mapping[str, Any]) -> str:
    facts = [
        f'{data["frames"]} frames',
        f'{len(data["class_iou"])} classes of {data["taxonomy"]}'
        + (', probabilities of finer classes summed' if data['classes_summed'] else ''),
        str(data['protocol']),
        f'temperature {data["temperature"]:g}',
    ]
    return f'<h1>{escape(title)}</h1><p class="lead">{escape(" · ".join(facts))}</p>'


def _section(title: str, words: str, *parts: str) -> str:
    text = f'<p>{escape(words)}</p>' if words else ''
    return f'<section><h2>{escape(title)}</h2>{text}{"".join(parts)}</section>'


def _scroll(part: str) -> str:
    return f'<div class="scroll">{part}</div>'


def _plots(*plots: tuple[str, str, str]) -> str:
    """Return plots side by side, each with a heading and an explanation."""
    boxes = (
        f'<div><h3>{escape(title)}</h3>{svg}<small>{escape(words)}</small></div>'
        for title, svg, words in plots
        if svg
    )
    return f'<div class="plots">{"".join(boxes)}</div>'


def _categories(data: Mapping[str, Any]) -> str:
    found = data['category_iou']
    if not found:
        return ''
    rows = [(name, percent(iou)) for name, iou in found.items()]
    return '<h3>Categories</h3>' + tables.plain_table(('category', 'IoU %'), rows)


def _calibration(sums: Sums, data: Mapping[str, Any]) -> str:
    plots = _plots(
        ('Reliability', curves.reliability_plot(sums), RELIABILITY_TEXT),
        ('Risk and coverage', curves.risk_plot(sums), RISK_TEXT),
        ('Temperature', curves.temperature_plot(sums, data), TEMPERATURE_TEXT),
    )
    return _section('Confidence', '', plots)


def _drivable(sums: Sums, classes: Taxonomy, data: Mapping[str, Any]) -> str:
    found = data['drivable']
    if found is None:
        return ''
    keys = ('recall', 'precision', 'iou', 'false_drivable_rate')
    rows = [('0.5', *(percent(found['at_half'][key], 2) for key in keys))]
    if found['threshold'] is not None:
        least = f'{found["threshold"]:.3f}, the least with at most 0.5 % false-drivable'
        rows.append((least, *(percent(found[key], 2) for key in keys)))
    head = ('smallest probability', 'recall %', 'precision %', 'IoU %', 'false-drivable %')
    plots = curves.drivable_plots(sums, classes, data)
    titles = ('Recall and precision', 'False-drivable rate')
    boxes = _plots(*((title, svg, '') for title, svg in zip(titles, plots, strict=False)))
    return _section('Drivable area', DRIVABLE_TEXT, _scroll(tables.plain_table(head, rows)), boxes)


def _worst(rows: Sequence[SheetRow], classes: Taxonomy) -> str:
    if not rows:
        return ''
    colors = [(one.name, one.color) for one in classes.classes]
    keys = [(name, color) for name, color in KEYS.items() if not isinstance(color, int)]
    legends = ''.join(
        '<div class="legend">'
        + ''.join(f'<span>{tables.swatch(color)}{escape(name)}</span>' for name, color in entries)
        + '</div>'
        for entries in (colors, keys)
    )
    words = 'Frames of the lowest mean IoU, the worst first.'
    return _section('Worst frames', words, legends, raster.frames(rows, COLUMNS))


def _conditions(data: Mapping[str, Any]) -> str:
    head = ('bundle', 'SHA-256 of the network', 'data', 'split', 'frames', 'mean IoU %')
    rows = [
        (
            str(one['bundle']),
            str(one['sha256'])[:SHOWN_DIGITS],
            str(one['dataset']),
            str(one['split']),
            str(one['frames']),
            percent(one['mean_iou'], 2),
        )
        for one in data['sources']
    ]
    facts = []
    for key in ('engine', 'machine', 'versions', 'stage_ms'):
        values = data.get(key) or {}
        listed = ', '.join(f'{name} {value}' for name, value in values.items() if value != '')
        facts.append((key.replace('stage_ms', 'median ms per frame'), listed))
    facts = [fact for fact in facts if fact[1]]
    more = tables.plain_table(('what', 'value'), facts) if facts else ''
    parts = f'<div class="text scroll">{tables.plain_table(head, rows)}{more}</div>'
    return _section('Conditions', f'Numbers and sums: {NUMBERS} beside this page.', parts)
