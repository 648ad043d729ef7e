# SPDX-License-Identifier: Apache-2.0
"""The page that users read and the table that decodes name the same encodings."""

from __future__ import annotations

from pathlib import Path
import re

from seg_node.imaging import MAX_PIXELS
from seg_node.imaging.encodings import ENCODINGS

PAGE = (Path(__file__).parents[2] / 'docs' / 'encodings.md').read_text(encoding='utf-8')


def test_page_and_table_name_the_same_encodings() -> None:
    table = PAGE.split('| encoding |')[1].split('\n\n')[0]
    first_column = ' '.join(line.split('|')[1] for line in table.splitlines()[2:])
    named = set(re.findall(r'`(\w{4,})`', first_column))

    sixteen = {name.replace('8', '16') for name in named if name.startswith('bayer_')}
    assert named | sixteen == set(ENCODINGS)


def test_page_states_the_limit_on_pixels() -> None:
    assert f'{MAX_PIXELS:,}' in PAGE
