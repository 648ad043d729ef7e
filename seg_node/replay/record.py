# SPDX-License-Identifier: Apache-2.0
"""What a replay keeps of a frame: one line of ``frames.jsonl``."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
import json
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Self

__all__ = ['FrameRecord']

ABOUT_TIME = frozenset({'times', 'crf_predicted'})


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """One frame of one camera; K classes of the bundle.

    Attributes:
        bag: Name of the bag, unique in the run.
        topic: Of the camera.
        index: Of this camera's frames in the bag, from 0; frames that could not be decoded count.
        stamp_ns: From the header of the image [ns]; the time of the recording if it has none.
        log_ns: When it was recorded [ns].
        size: (height, width) of the image [px].
        times: Seconds by stage: read, decode, those of the segmenter, and ``'total'`` of them all.
        crf: ``'ran'``, ``'certain'``, ``'no_time'``, ``'off'`` or ``'failed'``.
        crf_predicted: How long the CRF was predicted to take [s].
        uncertain_fraction: Share of pixels above the entropy threshold, 0 to 1.
        entropy: Mean over the pixels of the normalised entropy, 0 to 1.
        class_pixels: Pixels of each class of the bundle, K numbers.
        flicker: Share of pixels that can be followed from the frame before and have changed their
            label, 0 to 1; None where there is no such frame or nothing can be followed.
        confusion: (true, predicted, pixels) for each pair that occurs, in the classes of the
            comparison; None without truth.
        error: Why this frame has no result; then the rest is zero. None if all went well.
    """

    bag: str
    topic: str
    index: int
    stamp_ns: int
    log_ns: int
    size: tuple[int, int] = (0, 0)
    times: Mapping[str, float] = field(default_factory=dict)
    crf: str = 'off'
    crf_predicted: float | None = None
    uncertain_fraction: float | None = None
    entropy: float = 0.0
    class_pixels: tuple[int, ...] = ()
    flicker: float | None = None
    confusion: tuple[tuple[int, int, int], ...] | None = None
    error: str | None = None

    def to_json(self) -> str:
        """Return one line without its end; the inverse of ``from_json``."""
        plain = {one.name: getattr(self, one.name) for one in fields(self)}
        return json.dumps(plain, separators=(',', ':'), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, line: str) -> Self:
        """Read a line that ``to_json`` wrote.

        Raises:
            ValueError: If it is no such line.
        """
        plain: dict[str, Any] = json.loads(line)
        confusion = plain.pop('confusion')
        return cls(
            **{
                **plain,
                'size': tuple(plain['size']),
                'class_pixels': tuple(plain['class_pixels']),
                'confusion': None if confusion is None else tuple(map(tuple, confusion)),
            }
        )

    def timeless(self) -> dict[str, Any]:
        """Return everything but measured times, which no two runs have in common."""
        return {
            one.name: getattr(self, one.name) for one in fields(self) if one.name not in ABOUT_TIME
        }
