# SPDX-License-Identifier: Apache-2.0
"""Write the report of a replay that is done."""

from __future__ import annotations

import json
from typing import Any, TYPE_CHECKING

from seg_node.errors import ParameterError
from seg_node.replay.model import open_model
from seg_node.replay.plan import plan
from seg_node.replay.record import FrameRecord
from seg_node.replay.store import FRAMES, REPLAY

from .document import document, Exhibit
from .moments import Chooser
from .scenes import pictures_of
from .timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from seg_node.replay.options import ReplayOptions

    from .moments import Moment

    Timelines = dict[tuple[str, str], Timeline]

__all__ = ['PAGE', 'write_report']

PAGE = 'report.html'


def write_report(out: Path, bags: Sequence[Path], options: ReplayOptions) -> Path:
    """Write ``report.html`` beside ``replay.json`` and ``frames.jsonl``.

    The worst frames are read and segmented once more for their pictures.

    Args:
        out: Folder of the replay.
        bags: The recordings that it was made of.
        options: Those of the replay.

    Returns:
        The page.

    Raises:
        BagError: If a recording cannot be read any more.
        ParameterError: If the folder holds no replay, or the page cannot be written.
    """
    data = _data(out)
    timelines, moments = _survey(out, data)
    exhibits = _exhibits(moments, timelines, bags, options)
    page = out / PAGE
    try:
        page.write_text(document(data, timelines, exhibits), encoding='utf-8')
    except OSError as err:
        msg = f'{str(page)!r} cannot be written: {err.strerror}. Free space there.'
        raise ParameterError(msg) from err
    return page


def _data(out: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((out / REPLAY).read_text(encoding='utf-8'))
    except (OSError, ValueError) as err:
        msg = f'{str(out)!r} holds no finished replay: {err}. Run seg replay --out there first.'
        raise ParameterError(msg) from err
    return found


def _records(out: Path) -> Iterator[FrameRecord]:
    with (out / FRAMES).open(encoding='utf-8') as lines:
        for line in lines:
            yield FrameRecord.from_json(line)


def _survey(out: Path, data: dict[str, Any]) -> tuple[Timelines, list[Moment]]:
    """Return the timelines and the worst moments, from one pass over all frames."""
    compared = data['compared_in']
    classes = None if compared is None else len(compared['classes'])
    timelines: Timelines = {}
    chooser = Chooser(classes)
    for record in _records(out):
        timelines.setdefault((record.bag, record.topic), Timeline()).add(record, classes)
        chooser.add(record)
    return timelines, chooser.worst()


def _exhibits(
    moments: Sequence[Moment],
    timelines: Timelines,
    bags: Sequence[Path],
    options: ReplayOptions,
) -> list[Exhibit]:
    found = {one.name: one for one in plan(bags, options).bags}
    with open_model(options) as model:
        return [
            Exhibit(
                one,
                timelines[one.record.bag, one.record.topic].time_of(one.record),
                pictures_of(model, found[one.record.bag], one),
            )
            for one in moments
        ]
