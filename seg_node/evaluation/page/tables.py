# SPDX-License-Identifier: Apache-2.0
"""The tables of the page: figures, classes, confusion, conditions."""

from __future__ import annotations

from html import escape
from typing import Any, TYPE_CHECKING

import numpy as np

from seg_node.evaluation.text import CLASS_COLUMNS, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seg_node.taxonomy import Taxonomy

__all__ = ['card', 'cards', 'class_table', 'confusion_table', 'legend', 'plain_table', 'swatch']

CARDS = {
    'mean_iou': ('mean IoU', ''),
    'global_accuracy': ('pixels right', 'global accuracy'),
    'class_accuracy': ('mean recall', 'class accuracy'),
    'fw_iou': ('weighted IoU', 'by share of the truth'),
    'boundary_iou': ('boundary IoU', 'in bands along outlines'),
    'boundary_f1': ('boundary F1', 'mean of images'),
    'ece': ('ECE', 'calibration error'),
    'class_wise_ece': ('class-wise ECE', 'mean over classes'),
    'aurc': ('AURC', 'risk over all coverages'),
}
FINE = 0.1  # shares below it get a digit after the point
NOTHING = 0.0005  # shares below it are left out of the confusion matrix
FULL = 0.5  # where the off-diagonal colour is full


def cards(data: Mapping[str, Any]) -> str:
    """Return the headline figures as boxes; those that were not measured are left out."""
    over = f'over {data["classes_in_mean"]} of {len(data["class_iou"])} classes'
    boxes = [
        card(f'{percent(data[key], 2)} %', title, over if key == 'mean_iou' else words)
        for key, (title, words) in CARDS.items()
        if data[key] is not None
    ]
    for key, title, words in (
        ('nll', 'NLL', 'nat per pixel'),
        ('brier', 'Brier score', '0 to 2'),
    ):
        if data[key] is not None:
            boxes.append(card(f'{data[key]:.4f}', title, words))
    found = data['drivable']
    if found is not None and found['recall'] is not None:
        words = f'threshold {found["threshold"]:.3f}'
        boxes.append(card(f'{percent(found["recall"], 2)} %', 'drivable recall', words))
    return f'<div class="cards">{"".join(boxes)}</div>'


def class_table(data: Mapping[str, Any], classes: Taxonomy) -> str:
    """Return one line per class with a bar for its IoU; what no class has is left out."""
    columns = {
        key: words
        for key, words in CLASS_COLUMNS.items()
        if any(value is not None for value in data[key].values())
    }
    head = ''.join(f'<th>{escape(words)}</th>' for words in columns.values())
    lines = []
    for one in classes.classes:
        cells = [f'<td>{percent(data[key][one.name])}</td>' for key in columns]
        iou = data['class_iou'][one.name]
        width = 0 if iou is None else 100 * iou
        bar = f'<td class="meter"><span style="width:{width:.1f}%"></span></td>'
        name = f'<th scope="row">{swatch(one.color)}{escape(one.name)}</th>'
        lines.append(f'<tr>{name}{cells[0]}{bar}{"".join(cells[1:])}</tr>')
    first, rest = head.split('</th>', 1)
    return (
        f'<table class="classes"><thead><tr><th>class</th>{first}</th><th></th>{rest}</tr></thead>'
        f'<tbody>{"".join(lines)}</tbody></table>'
    )


def confusion_table(data: Mapping[str, Any], classes: Taxonomy) -> str:
    """Return the confusion matrix, each line in percent of its true class."""
    counts = np.array(data['confusion'], np.float64)
    total = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)
    head = ''.join(
        f'<th class="turned"><span>{escape(name)}</span></th>' for name in classes.names
    )
    lines = []
    for index, one in enumerate(classes.classes):
        cells = ''.join(_cell(float(v), right=index == k) for k, v in enumerate(shares[index]))
        name = f'<th scope="row">{escape(one.name)} {swatch(one.color)}</th>'
        lines.append(f'<tr>{name}{cells}</tr>')
    return (
        f'<table class="confusion"><thead><tr><th>true class, taken for</th>{head}</tr></thead>'
        f'<tbody>{"".join(lines)}</tbody></table>'
    )


def plain_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of texts."""
    titles = ''.join(f'<th>{escape(one)}</th>' for one in head)
    lines = ''.join(
        f'<tr>{"".join(f"<td>{escape(cell)}</td>" for cell in row)}</tr>' for row in rows
    )
    return f'<table><thead><tr>{titles}</tr></thead><tbody>{lines}</tbody></table>'


def legend(entries: Iterable[tuple[str, tuple[int, int, int]]]) -> str:
    """Return names with squares of their colours, side by side."""
    named = (f'<span>{swatch(color)}{escape(name)}</span>' for name, color in entries)
    return f'<div class="legend">{"".join(named)}</div>'


def swatch(color: tuple[int, int, int]) -> str:
    """Return a small square of a class's colour."""
    red, green, blue = color
    return f'<i class="swatch" style="background:rgb({red},{green},{blue})"></i>'


def card(figure: str, title: str, words: str) -> str:
    """Return a box with a large figure."""
    return (
        f'<div class="card"><b>{escape(figure)}</b><span>{escape(title)}</span>'
        f'<small>{escape(words)}</small></div>'
    )


def _cell(share: float, *, right: bool) -> str:
    """Return one share of a true class: right ones in one colour, wrong ones in the other."""
    if np.isnan(share):
        return '<td class="none"></td>'
    if share < NOTHING:
        return '<td></td>'
    text = percent(share, 1 if share < FINE else 0)
    hue = '--right' if right else '--wrong'
    strength = share if right else min(share / FULL, 1.0) ** 0.7
    return (
        f'<td style="background:rgb(var({hue}) / {0.75 * strength:.2f})" '
        f'title="{percent(share, 2)} %">{text}</td>'
    )
