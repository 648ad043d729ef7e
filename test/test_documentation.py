# SPDX-License-Identifier: Apache-2.0
"""Links of the documentation lead somewhere, and its commands exist."""

from __future__ import annotations

from pathlib import Path
import re

import pytest

from seg_node.cli.main import VERBS

REPOSITORY = Path(__file__).parents[1]
PAGES = sorted([*REPOSITORY.glob('*.md'), *REPOSITORY.glob('docs/*.md')])
NAMES = [str(page.relative_to(REPOSITORY)) for page in PAGES]
FENCE = re.compile(r'^```.*?^```', re.MULTILINE | re.DOTALL)


def anchor(heading: str) -> str:
    """Return the link target of a heading, as GitHub makes it."""
    return re.sub(r'[^\w\- ]', '', heading.strip().lower()).replace(' ', '-')


def anchors(page: Path) -> set[str]:
    """Return the link targets of all headings of a page."""
    prose = FENCE.sub('', page.read_text(encoding='utf-8'))
    return {anchor(heading) for heading in re.findall(r'^#+ (.+)$', prose, re.MULTILINE)}


@pytest.mark.parametrize('page', PAGES, ids=NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    prose = FENCE.sub('', page.read_text(encoding='utf-8'))
    links = re.findall(r'\]\(([^)\s]+)\)', prose)

    broken = []
    for link in (link for link in links if not re.match('[a-z]+:', link)):
        name, _, heading = link.partition('#')
        target = page.parent / name if name else page
        if not target.exists() or (heading and heading not in anchors(target)):
            broken.append(link)

    assert broken == []


@pytest.mark.parametrize('page', PAGES, ids=NAMES)
def test_commands_exist(page: Path) -> None:
    text = page.read_text(encoding='utf-8')
    makefile = (REPOSITORY / 'Makefile').read_text(encoding='utf-8')
    targets = {
        name
        for line in re.findall(r'^([a-z -]+):', makefile, re.MULTILINE)
        for name in line.split()
    }

    assert set(re.findall(r'^(?:\$ )?seg ([a-z-]+)', text, re.MULTILINE)) <= set(VERBS)
    assert set(re.findall(r'^(?:\$ )?make ([a-z-]+)', text, re.MULTILINE)) <= targets


@pytest.mark.parametrize('page', PAGES, ids=NAMES)
def test_named_files_exist(page: Path) -> None:
    text = page.read_text(encoding='utf-8')
    named = re.findall(r'\b((?:benchmarks|config|constraints|docker|test)/[\w./-]+\.\w+)\b', text)

    assert [name for name in named if not (REPOSITORY / name).exists()] == []
