# SPDX-License-Identifier: Apache-2.0
"""The report as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any, TYPE_CHECKING

from seg_node.drawing import SheetRow
from seg_node.evaluation.page import raster, tables
from seg_node.evaluation.page.document import confidence_section, drivable_section, RIGHT_TEXT
from seg_node.evaluation.page.parts import html_page, scroll, section
from seg_node.evaluation.pictures import KEYS
from seg_node.evaluation.sums import Sums
from seg_node.taxonomy import Taxonomy

from . import facts
from .drive import drive_strips, STYLE
from .scenes import CHANGED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from .moments import Moment
    from .timeline import Timeline

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['Exhibit', 'document']

MOST_TIMELINES = 12
SECOND_NS = 1_000_000_000
TIMELINE_TEXT = (
    'Line: mean of the frames at that time; area: lowest to highest. Entropy is the mean over the '
    'pixels, 100 % is not to know at all. Flicker is the share of pixels whose label changes '
    'although the scene only moved. Numbers mark the moments below.'
)
SMOOTHING_OFF = {'method': 'off'}
ALONE_TEXT = (
    'The frames were segmented once more for these pictures, which show labels and drivable area '
    'of the image alone: without smoothing and hysteresis. The figures are those of the replay.'
)
MOMENTS_TEXT = {
    'mean_iou': 'Lowest mean IoU against the truth',
    'flicker': 'Most labels that change from one frame to the next',
    'entropy': 'Most uncertain',
}
EXTRA_KEYS = {
    'mean_iou': [(name, color) for name, color in KEYS.items() if not isinstance(color, int)],
    'flicker': [('label changed', CHANGED)],
    'entropy': [],
}


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A moment with its pictures.

    Attributes:
        moment: Which one.
        seconds: Time since the first frame of its camera [s].
        pictures: By title; None if the frame could not be read again.
    """

    moment: Moment
    seconds: float
    pictures: Mapping[str, UInt8Array] | None


def document(
    data: Mapping[str, Any],
    timelines: Mapping[tuple[str, str], Timeline],
    exhibits: Sequence[Exhibit],
) -> str:
    """Return the page as HTML that refers to nothing outside itself.

    Args:
        data: What ``replay.json`` says.
        timelines: By bag and camera.
        exhibits: Worst moments, in the order of their numbers from 1.
    """
    classes = Taxonomy.from_dict(data['classes'])
    title = f'{_names(data)}, replayed with bundle {data["bundle"]["name"]}'
    lead = ' · '.join(
        [
            f'{len(data["bags"])} recordings' if len(data['bags']) > 1 else '1 recording',
            f'{len(timelines)} cameras' if len(timelines) > 1 else '1 camera',
            f'{len(classes)} classes of {classes.name}',
            f'dense CRF {"on" if data["crf"]["options"] else "off"}',
            f'smoothing {(data["options"].get("smoothing") or SMOOTHING_OFF)["method"]}',
            'with truth' if data['scores'] else 'without truth',
        ]
    )
    return html_page(
        title,
        f'<h1>{escape(title)}</h1><p class="lead">{escape(lead)}</p>',
        facts.headline(data),
        _timelines(timelines, exhibits),
        _moments(exhibits, classes, data),
        _scores(data),
        facts.coverage(data, classes),
        facts.bags(data),
        facts.latency(data),
        facts.damage(data),
        facts.what_ran(data),
        style=STYLE,
    )


def _names(data: Mapping[str, Any]) -> str:
    names = [str(bag['name']) for bag in data['bags']]
    return names[0] if len(names) == 1 else f'{names[0]} and {len(names) - 1} more'


def _timelines(timelines: Mapping[tuple[str, str], Timeline], exhibits: Sequence[Exhibit]) -> str:
    parts = []
    for (bag, topic), timeline in list(timelines.items())[:MOST_TIMELINES]:
        marks = [
            (one.seconds, number)
            for number, one in enumerate(exhibits, 1)
            if (one.moment.record.bag, one.moment.record.topic) == (bag, topic)
        ]
        heading = f'<h3>{escape(bag)}, {escape(topic)}</h3>'
        parts.append(heading + drive_strips(timeline, marks))
    left_out = len(timelines) - MOST_TIMELINES
    if left_out > 0:
        parts.append(f'<p>{left_out} more are left out here; the tables below have all.</p>')
    return section('Over time', TIMELINE_TEXT, *parts)


def _moments(exhibits: Sequence[Exhibit], classes: Taxonomy, data: Mapping[str, Any]) -> str:
    if not exhibits:
        return ''
    compared = Taxonomy.from_dict(data['compared_in']) if data['compared_in'] else classes
    parts = []
    kind = ''
    for number, one in enumerate(exhibits, 1):
        if one.moment.kind != kind:
            kind = one.moment.kind
            parts.append(f'<h3>{escape(MOMENTS_TEXT[kind])}</h3>')
            shown = compared if kind == 'mean_iou' else classes
            parts.append(tables.legend((one.name, one.color) for one in shown.classes))
            parts.append(tables.legend(EXTRA_KEYS[kind]))
        parts.append(_exhibit(number, one))
    words = ALONE_TEXT if _remembers(data['options']) else ''
    return section('Worst moments', words, *parts)


def _remembers(options: Mapping[str, Any]) -> bool:
    """Tell from plain options whether results depended on earlier frames."""
    drivable = dict(options.get('drivable') or ())
    return bool(options.get('smoothing') or drivable.get('hysteresis'))


def _exhibit(number: int, one: Exhibit) -> str:
    record = one.moment.record
    words = {'mean_iou': 'mean IoU', 'flicker': 'flicker', 'entropy': 'entropy'}
    value = f'{words[one.moment.kind]} {100 * one.moment.value:.1f} %'
    caption = (
        f'{number}. {value}',
        f'{one.seconds:.1f} s',
        f'{record.bag} {record.topic} frame {record.index}, stamp {record.stamp_ns} ns',
    )
    if one.pictures is None:
        row = SheetRow((*caption, 'the frame cannot be read any more'), ())
        return raster.frames([row], ())
    return raster.frames(
        [SheetRow(caption, tuple(one.pictures.values()))], tuple(one.pictures.keys())
    )


def _scores(data: Mapping[str, Any]) -> str:
    scores = data['scores']
    if scores is None:
        return ''
    compared = Taxonomy.from_dict(data['compared_in'])
    sums = Sums.from_plain(data['sums'], len(compared))
    about = {**scores, 'temperature': data['temperature']}
    words = f'{data["frames_with_truth"]} of {data["frames"]} frames have truth.'
    parts = [
        section('Classes', words, scroll(tables.class_table(scores, compared))),
        section('Confusion', RIGHT_TEXT, scroll(tables.confusion_table(scores, compared))),
        confidence_section(sums, about),
        drivable_section(sums, compared, about),
    ]
    return ''.join(parts)
