# SPDX-License-Identifier: Apache-2.0
"""The files of a run that are there to be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TYPE_CHECKING

import cv2

from seg_node.drawing import (
    CONFIDENCE_MAP,
    DRIVABLE,
    ENTROPY_MAP,
    Sheet,
    SheetRow,
    VideoPage,
    write_video,
)
from seg_node.errors import DemoError

from .picture import moment_picture
from .refined import CHANGES, most_changed, refined_row, truth_ids, truth_of
from .report import crf_words, headline
from .summary import quality
from .video import TILES, video_frames

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from seg_node.taxonomy import Taxonomy

    from .record import Moment, Record
    from .refined import Refined

    UInt8Array = npt.NDArray[np.uint8]
    Color = tuple[int, int, int]

__all__ = ['Artist']

ALL = ('image', 'truth', 'mask', 'overlay', 'confidence', 'entropy', 'drivable area')
FEW = ('image', 'overlay', 'entropy', 'drivable area')
ROWS = 5
BEFORE_AND_AFTER = ('image', 'network', 'with the CRF', 'changed', 'truth')
REFINED_ROWS = 3
# What the colours in a column mean.
KEYS: dict[str, tuple[str, Color | int]] = {
    'confidence': ('confidence', CONFIDENCE_MAP),
    'entropy': ('entropy / log N', ENTROPY_MAP),
    'drivable area': ('drivable', DRIVABLE),
}
MILLI = 1e3
TITLE = 'seg_node: camera images in, masks out'
# Small enough for a README: 300 kB.
JPEG_QUALITY = 88


@dataclass(frozen=True, slots=True)
class Artist:
    """Draws one run.

    Attributes:
        record: What to draw.
        summary: Its numbers, for the captions.
        classes: Of the masks.
        truth_classes: Of the true labels; None where nobody knows them.
        rate: Frames per second of the drive's own time [Hz].
    """

    record: Record
    summary: Mapping[str, Any]
    classes: Taxonomy
    truth_classes: Taxonomy | None
    rate: float

    def draw(self, out: Path) -> dict[Path, str]:
        """Write all files into a folder; return each with a few words on it."""
        total = len(self.record.moments)
        video, codec = write_video(out / 'overlay', self._video_frames, self.rate, total)
        return {
            self._sheet(out / 'contact_sheet.png', ALL): 'a few moments, all outputs',
            self._sheet(
                out / 'overview.jpg', FEW, rows=3, latency=False
            ): 'the same in small, for a report',
            video: f'the whole drive (codec {codec})',
        }

    def draw_refined(self, frames: Sequence[Refined], out: Path) -> dict[Path, str]:
        """Write a sheet of frames before and after the CRF, if it refined any."""
        if not frames:
            return {}
        ids = truth_ids(self.truth_classes, self.classes)
        rows = []
        for one in most_changed(frames, REFINED_ROWS):
            caption = [f'{one.moment.index / self.rate:.1f} s']
            rows.append(refined_row(one, self.classes, truth_of(one.moment, ids), caption))
        known = len(rows[0].pictures) == len(BEFORE_AND_AFTER)
        sheet = Sheet(
            'Before and after the dense CRF, cut out where it changed most',
            crf_words(self.summary['crf']),
            BEFORE_AND_AFTER if known else BEFORE_AND_AFTER[:-1],
            rows,
            self.classes,
            CHANGES if known else {},
            'changed',
        )
        file = out / 'crf.png'
        write_sheet(sheet, file)
        return {file: 'frames that the dense CRF refined, before and after'}

    def _video_frames(self) -> Iterator[UInt8Array]:
        moments = self.record.moments
        engine = self.summary['engine']
        title = f'seg_node, bundle {self.summary["bundle"]["name"]}, {engine["name"]}'
        height, width = moments[0].image().shape[:2]
        words = f'{title} on {engine["device"]}'
        page = VideoPage(self.classes, height / width, words, TILES)
        return video_frames(page, moments, self.rate)

    def _sheet(
        self, file: Path, columns: Sequence[str], *, rows: int = ROWS, latency: bool = True
    ) -> Path:
        """Write a contact sheet."""
        known = [name for name in columns if name != 'truth' or self.truth_classes is not None]
        moments = pick(self.record.with_mask(), rows)
        drawn = [self._row(moment, known, latency=latency) for moment in moments]
        subtitle = headline(self.summary, latency=latency)
        keys = dict(KEYS[column] for column in known if column in KEYS)
        sheet = Sheet(TITLE, subtitle, known, drawn, self.classes, keys)
        write_sheet(sheet, file)
        return file

    def _row(self, moment: Moment, columns: Sequence[str], *, latency: bool) -> SheetRow:
        """Return the pictures of one moment, and its time, latency and score."""
        caption = [f'{moment.index / self.rate:.1f} s']
        if latency and moment.latency is not None:
            caption.append(f'{MILLI * moment.latency:.0f} ms')
        if (score := self._score(moment)) is not None:
            caption.append(f'mIoU {score:.2f}')
        known = (self.classes, self.truth_classes)
        return SheetRow(caption, [moment_picture(moment, name, *known) for name in columns])

    def _score(self, moment: Moment) -> float | None:
        """Return the mean IoU of one moment, 0 to 1; None where nobody knows."""
        if self.truth_classes is None:
            return None
        score: float | None = quality([moment], self.truth_classes, self.classes)['mean_iou']
        return score


def write_sheet(sheet: Sheet, file: Path) -> None:
    """Write a page as PNG or JPEG.

    Raises:
        DemoError: If it cannot be written.
    """
    picture = cv2.cvtColor(sheet.draw(), cv2.COLOR_RGB2BGR)
    settings = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if file.suffix == '.jpg' else []
    if not cv2.imwrite(str(file), picture, settings):
        msg = f'{str(file)!r} could not be written. Give a folder with free space (--out).'
        raise DemoError(msg)


def pick(moments: Sequence[Moment], count: int) -> list[Moment]:
    """Return at most ``count`` moments, spread evenly over a run, away from its ends."""
    places = [int((row + 0.5) / count * len(moments)) for row in range(count)]
    return [moments[place] for place in dict.fromkeys(places)]
