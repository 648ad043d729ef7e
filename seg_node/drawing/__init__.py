# SPDX-License-Identifier: Apache-2.0
"""Pages for people: text, legends, maps in false colours and sheets of pictures."""

from .colorbar import draw_color_bar, draw_ticks, RatioScale
from .legend import class_lines, draw_classes, LINE
from .picture import CONFIDENCE_MAP, DRIVABLE, drivable_picture, ENTROPY_MAP, fitted, heat
from .sheet import Sheet, SheetRow
from .typography import ellipsis, text_width, write
from .video import VideoFile, write_video
from .video_page import VideoPage

__all__ = [
    'CONFIDENCE_MAP',
    'DRIVABLE',
    'ENTROPY_MAP',
    'LINE',
    'RatioScale',
    'Sheet',
    'SheetRow',
    'VideoFile',
    'VideoPage',
    'class_lines',
    'draw_classes',
    'draw_color_bar',
    'draw_ticks',
    'drivable_picture',
    'ellipsis',
    'fitted',
    'heat',
    'text_width',
    'write',
    'write_video',
]
