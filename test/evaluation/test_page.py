# SPDX-License-Identifier: Apache-2.0
"""Pages that need nothing but themselves and say what the JSON says."""

from __future__ import annotations

from html.parser import HTMLParser
import json
import re
from typing import Any, TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from seg_node.errors import ParameterError
from seg_node.evaluation import (
    as_json,
    corruption_sheet,
    evaluate,
    measure_robustness,
    pooled_json,
    read_part,
    worst_rows,
    write_page,
    write_robustness_page,
)
from seg_node.evaluation.page.curves import nice_top
from seg_node.evaluation.page.document import document

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seg_node.pipeline import Segmenter
    from tiny import Scenes

VOID = {'meta', 'img', 'br'}


class Checker(HTMLParser):
    """Notes what is not closed in order, and all places that are referred to."""

    def __init__(self) -> None:
        """Start with nothing open."""
        super().__init__()
        self.open: list[str] = []
        self.places: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.places += [value or '' for name, value in attrs if name in ('src', 'href')]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Pass over what closes itself."""

    def handle_endtag(self, tag: str) -> None:
        """Close what was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note the text."""
        self.text.append(data)


def check(html: str) -> Checker:
    """Return the parsed page, which is whole and refers to nothing outside."""
    checker = Checker()
    checker.feed(html)
    assert checker.open == []
    assert all(place.startswith('data:image/') for place in checker.places)
    assert 'url(' not in html
    assert '@import' not in html
    return checker


@pytest.fixture
def data(make_segmenter: Callable[..., Segmenter], scenes: Scenes) -> dict[str, Any]:
    return as_json(evaluate(make_segmenter(), scenes, name='<scenes> & more', split='val'))


def test_page_stands_alone_and_says_what_the_json_says(data: dict[str, Any]) -> None:
    text = ' '.join(check(document(data)).text)

    assert f'{100 * data["mean_iou"]:.2f} %' in text
    assert 'over 3 of 3 classes' in text
    assert 'tiny on <scenes> & more, val' in text
    assert 'single scale, no flip, whole image' in text
    for heading in ('Classes', 'Confusion', 'Confidence', 'Drivable area', 'Conditions'):
        assert heading in text


def test_plots_are_valid_svg_within_their_frame(data: dict[str, Any]) -> None:
    plots = re.findall(r'<svg.*?</svg>', document(data))

    assert len(plots) == 4
    for plot in plots:
        root = ET.fromstring(plot)  # noqa: S314 - made by ourselves
        assert root.attrib['viewBox'] == '0 0 460 300'
        for line in root.iter('polyline'):
            for point in line.attrib['points'].split():
                x, y = map(float, point.split(','))
                assert 0 <= x <= 460
                assert 0 <= y <= 300


def test_page_of_nothing_labelled_is_still_a_page(
    make_segmenter: Callable[..., Segmenter], scenes: Scenes
) -> None:
    for sample in scenes.samples:
        sample.labels[:] = 255

    data = as_json(evaluate(make_segmenter(), scenes, name='blank', split='val'))

    check(document(data))


def test_page_and_numbers_are_written_and_can_be_pooled(
    data: dict[str, Any],
    make_segmenter: Callable[..., Segmenter],
    scenes: Scenes,
    tmp_path: Path,
) -> None:
    segmenter = make_segmenter()
    result = evaluate(segmenter, scenes, name='scenes', split='val')

    page, numbers = write_page(data, tmp_path, worst_rows(segmenter, scenes, result))

    shown = check(page.read_text(encoding='utf-8'))
    assert 'Worst frames' in shown.text
    assert len(shown.places) == 1 + 1 + 3 + 3 * 4
    assert json.loads(numbers.read_text(encoding='utf-8'))['mean_iou'] == data['mean_iou']
    pooled = pooled_json([read_part(numbers)])
    assert '1 evaluations, pooled' not in document(pooled)


def test_page_that_cannot_be_written_is_an_error_in_a_sentence(
    data: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / 'index.html').mkdir()

    with pytest.raises(ParameterError, match='cannot be written'):
        write_page(data, tmp_path)


def test_page_of_corruptions_stands_alone(
    make_segmenter: Callable[..., Segmenter], scenes: Scenes, tmp_path: Path
) -> None:
    data = measure_robustness(make_segmenter(), scenes, ('rain',))
    context = {'bundle': {'name': 'tiny'}, 'dataset': 'scenes', 'split': 'val', 'temperature': 1.0}

    page = write_robustness_page({**data, **context}, corruption_sheet(scenes[0]), tmp_path)

    text = ' '.join(check(page.read_text(encoding='utf-8')).text)
    assert f'{100 * data["corruptions"]["rain"][2]["mean_iou"]:.1f}' in text


@pytest.mark.parametrize(
    ('value', 'top', 'digits'),
    [(7.3, 8.0, 0), (100.0, 100.0, 0), (2.03, 2.5, 1), (0.0031, 0.004, 3), (0.0, 1.0, 1)],
)
def test_axes_end_at_round_numbers(value: float, top: float, digits: int) -> None:
    found, ticks, places = nice_top(value)

    assert found == pytest.approx(top)
    assert places == digits
    assert ticks[0] == 0
    assert ticks[-1] == pytest.approx(top)
    assert 3 <= len(ticks) <= 6
