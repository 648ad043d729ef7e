# SPDX-License-Identifier: Apache-2.0
"""The page as a whole, made from the JSON of an evaluation or a pool."""

from __future__ import annotations

from html import escape
from typing import Any, TYPE_CHECKING

from seg_node.errors import ParameterError
from seg_node.evaluation.page import curves, raster, tables
from seg_node.evaluation.page.parts import html_page, plots, scroll, section
from seg_node.evaluation.pictures import COLUMNS, KEYS
from seg_node.evaluation.report import json_text
from seg_node.evaluation.sums import Sums
from seg_node.evaluation.text import notes, percent
from seg_node.taxonomy import Taxonomy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from seg_node.drawing import SheetRow

__all__ = [
    'RIGHT_TEXT',
    'confidence_section',
    'document',
    'drivable_section',
    'write_page',
]

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
        section('Classes', '', scroll(tables.class_table(data, classes)), _categories(data)),
        section('Confusion', RIGHT_TEXT, scroll(tables.confusion_table(data, classes))),
        confidence_section(sums, data),
        drivable_section(sums, classes, data),
        section('Where the errors are', ERROR_TEXT, raster.error_maps(sums, classes)),
        _worst(worst, classes),
        _conditions(data),
    ]
    return html_page(title, *body)


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


def _categories(data: Mapping[str, Any]) -> str:
    found = data['category_iou']
    if not found:
        return ''
    rows = [(name, percent(iou)) for name, iou in found.items()]
    return '<h3>Categories</h3>' + tables.plain_table(('category', 'IoU %'), rows)


def confidence_section(sums: Sums, data: Mapping[str, Any]) -> str:
    """Return reliability, risk over coverage and, where it was measured, temperature."""
    found = plots(
        ('Reliability', curves.reliability_plot(sums), RELIABILITY_TEXT),
        ('Risk and coverage', curves.risk_plot(sums), RISK_TEXT),
        ('Temperature', curves.temperature_plot(sums, data), TEMPERATURE_TEXT),
    )
    return section('Confidence', '', found)


def drivable_section(sums: Sums, classes: Taxonomy, data: Mapping[str, Any]) -> str:
    """Return tables and plots of the drivable area; empty without drivable pixels."""
    found = data['drivable']
    if found is None:
        return ''
    keys = ('recall', 'precision', 'iou', 'false_drivable_rate')
    rows = [('0.5', *(percent(found['at_half'][key], 2) for key in keys))]
    if found['threshold'] is not None:
        least = f'{found["threshold"]:.3f}, the least with at most 0.5 % false-drivable'
        rows.append((least, *(percent(found[key], 2) for key in keys)))
    head = ('smallest probability', 'recall %', 'precision %', 'IoU %', 'false-drivable %')
    curves_of_it = curves.drivable_plots(sums, classes, data)
    titles = ('Recall and precision', 'False-drivable rate')
    boxes = plots(*((title, svg, '') for title, svg in zip(titles, curves_of_it, strict=False)))
    return section('Drivable area', DRIVABLE_TEXT, scroll(tables.plain_table(head, rows)), boxes)


def _worst(rows: Sequence[SheetRow], classes: Taxonomy) -> str:
    if not rows:
        return ''
    colors = [(one.name, one.color) for one in classes.classes]
    keys = [(name, color) for name, color in KEYS.items() if not isinstance(color, int)]
    legends = tables.legend(colors) + tables.legend(keys)
    words = 'Frames of the lowest mean IoU, the worst first.'
    return section('Worst frames', words, legends, raster.frames(rows, COLUMNS))


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
    return section('Conditions', f'Numbers and sums: {NUMBERS} beside this page.', parts)
