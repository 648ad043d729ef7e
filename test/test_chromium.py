# SPDX-License-Identifier: Apache-2.0
"""The browser of the tests notices what a page does wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chromium import open_page

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.needs_chromium


@pytest.mark.parametrize(
    'script', ["console.error('oh')", "throw new Error('oh')", 'setTimeout(() => oh.no(), 0)']
)
def test_errors_of_a_page_are_noticed(tmp_path: Path, script: str) -> None:
    page = tmp_path / 'page.html'
    page.write_text(f'<script>{script}</script>', encoding='utf-8')

    with open_page(page) as browser:
        assert browser.evaluate('1 + 1') == 2
        assert 'oh' in ''.join(browser.complaints)


def test_requests_of_a_page_are_noticed_but_not_what_it_carries(tmp_path: Path) -> None:
    page = tmp_path / 'page.html'
    pixel = 'data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAACADs='
    there = (tmp_path / 'there.png').as_uri()
    page.write_text(f'<img src="{pixel}"><img src="{there}">', encoding='utf-8')

    with open_page(page) as browser:
        assert browser.requests == [there]


@pytest.mark.parametrize(('width', 'mode'), [(400, 'dark'), (1280, 'light')])
def test_page_sees_the_width_and_the_mode(tmp_path: Path, width: int, mode: str) -> None:
    page = tmp_path / 'page.html'
    page.write_text('<!DOCTYPE html>', encoding='utf-8')

    with open_page(page, width, mode) as browser:
        dark = browser.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        assert dark == (mode == 'dark')
        assert browser.evaluate('innerWidth') == width
