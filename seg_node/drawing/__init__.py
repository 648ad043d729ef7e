# SPDX-License-Identifier: Apache-2.0
"""Pages for people: text, legends, maps in false colours and sheets of pictures."""

from .colorbar import draw_color_bar, draw_ticks, RatioScale
from .legend import class_lines, draw_classes, LINE
from .picture import CONFIDENCE_MAP, ENTROPY_MAP, fitted, heat
from .sheet import Sheet, SheetRow
from .typography import ellipsis, text_width, write

__all__ = [
    'CONFIDENCE_MAP',
    'ENTROPY_MAP',
    'LINE',
    'RatioScale',
    'Sheet',
    'SheetRow',
    'class_lines',
    'draw_classes',
    'draw_color_bar',
    'draw_ticks',
    'ellipsis',
    'fitted',
    'heat',
    'text_width',
    'write',
]
