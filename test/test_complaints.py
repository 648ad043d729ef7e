# SPDX-License-Identifier: Apache-2.0
"""Pages that say which test guards what name tests that exist."""

from __future__ import annotations

from pathlib import Path
import re

import pytest

REPOSITORY = Path(__file__).parents[1]
NAMED = re.compile(r'`(test/[a-z0-9_/]+\.py)::(test_[a-z0-9_]+)`')
COMPLAINTS = 20


def named(page: str) -> list[tuple[str, str]]:
    """Return file and name of each test that a page names."""
    return NAMED.findall((REPOSITORY / 'docs' / page).read_text(encoding='utf-8'))


@pytest.mark.parametrize('page', ['complaints.md', 'integrations.md'])
def test_named_tests_exist(page: str) -> None:
    lost = [
        f'{file}::{name}'
        for file, name in named(page)
        if not re.search(rf'^def {name}\(', (REPOSITORY / file).read_text(), re.MULTILINE)
    ]

    assert named(page)
    assert lost == []


def test_every_complaint_is_guarded() -> None:
    page = (REPOSITORY / 'docs' / 'complaints.md').read_text(encoding='utf-8')

    rows = re.findall(r'^\| (\d+) \|.*$', page, re.MULTILINE)
    lines = [line for line in page.splitlines() if re.match(r'\| \d+ \|', line)]
    assert [int(row) for row in rows] == list(range(1, COMPLAINTS + 1))
    assert [line for line in lines if not NAMED.search(line)] == []


def test_every_smaller_complaint_is_guarded() -> None:
    page = (REPOSITORY / 'docs' / 'complaints.md').read_text(encoding='utf-8')

    table = page.partition('| complaint | guarded by |\n|---|---|\n')[2]
    lines = [line for line in table.splitlines() if line.startswith('|')]
    assert lines
    assert [line for line in lines if not NAMED.search(line)] == []
