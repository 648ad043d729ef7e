# SPDX-License-Identifier: Apache-2.0
"""Frames of the video, from what was sent and what came back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .picture import moment_picture

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import numpy.typing as npt

    from seg_node.drawing import VideoPage

    from .record import Moment

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['TILES', 'video_frames']

TILES = ('image', 'entropy', 'drivable area')
MILLI = 1e3


def video_frames(page: VideoPage, moments: Sequence[Moment], rate: float) -> Iterator[UInt8Array]:
    """Yield a frame per moment: (H, W, 3) uint8 RGB, always of the same even size.

    Args:
        page: The layout, with ``TILES``.
        moments: What to show; without a mask the bare image stands in, and the words say so.
        rate: Frames per second of the drive's own time [Hz].
    """
    for moment in moments:
        main = moment_picture(moment, 'overlay', page.classes)
        seconds = moment.index / rate
        refined = 'CRF     ' if moment.status.get('crf') == 'ran' else ''
        words = f'{refined}{seconds:4.1f} s     latency {MILLI * (moment.latency or 0):.0f} ms'
        if main is None:
            main = moment.image()
            words = f'{seconds:4.1f} s     no mask for this frame'
        tiles = [moment_picture(moment, name, page.classes) for name in TILES]
        yield page.frame(main, tiles, words)
