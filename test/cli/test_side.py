# SPDX-License-Identifier: Apache-2.0
"""How a side of a comparison is written."""

from __future__ import annotations

import pytest

from seg_node.cli.side import parse_side
from seg_node.errors import ParameterError
from seg_node.pipeline import CrfChoice, SmoothingOptions
from seg_node.replay.options import ReplayOptions

BASE = ReplayOptions(topics=('/front/image',), threads=2)


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('default', {'bundle': 'default'}),
        ('./my bundle', {'bundle': './my bundle'}),
        ('default,precision=int8', {'precision': 'int8'}),
        ('default, engine = torch , threads=3', {'engine': 'torch', 'threads': 3}),
        ('default,temperature=1.5', {'temperature': 1.5}),
        ('default,latency_budget=0.05', {'latency_budget': 0.05}),
        ('default,crf=tuned', {'crf': CrfChoice(preset='tuned')}),
        (
            'default,crf=classic,crf.mode=fast,crf.min_uncertain_fraction=0',
            {'crf': CrfChoice(preset='classic', mode='fast', min_uncertain_fraction=0.0)},
        ),
        ('default,crf.hysteresis=0.5,crf=auto', {'crf': CrfChoice(hysteresis=0.5)}),
        ('default,smoothing=flow', {'smoothing': SmoothingOptions('flow')}),
        (
            'default,smoothing.history=0.7,smoothing=average',
            {'smoothing': SmoothingOptions('average', 0.7)},
        ),
    ],
)
def test_a_side_changes_what_it_names_and_nothing_else(
    text: str, expected: dict[str, object]
) -> None:
    side = parse_side(text, BASE)

    for name, value in expected.items():
        assert getattr(side, name) == value
    assert side.topics == BASE.topics
    assert side.threads == expected.get('threads', 2)


def test_a_side_changes_or_turns_off_the_smoothing_that_both_have() -> None:
    base = ReplayOptions(smoothing=SmoothingOptions('flow', 0.3))

    assert parse_side('default,smoothing=none', base).smoothing is None
    changed = parse_side('default,smoothing.history=0.6', base)
    assert changed.smoothing == SmoothingOptions('flow', 0.6)


def test_a_side_can_turn_off_the_crf_that_both_have() -> None:
    base = ReplayOptions(crf=CrfChoice(preset='classic'))

    assert not parse_side('default,crf=off', base).crf.enabled
    assert parse_side('default,crf.mode=fast', base).crf == CrfChoice(
        preset='classic', mode='fast'
    )


@pytest.mark.parametrize(
    ('text', 'words'),
    [
        ('', 'does not begin with a bundle'),
        (',precision=int8', 'does not begin with a bundle'),
        ('precision=int8', 'does not begin with a bundle'),
        (
            'default,presision=int8',
            "Unknown setting 'presision'; expected one of crf, crf.backend",
        ),
        ('default,int8', 'Write it as NAME=VALUE'),
        ('default,precision=int4', 'precision expected one of auto, fp16, fp32, int8'),
        ('default,threads=0', 'threads expected a whole number of at least 1'),
        ('default,threads=1,threads=2', "says 'threads' twice"),
        ('default,crf.mode=fast', 'which is off. Add crf=auto'),
        ('default,crf=off,crf.threads=2', 'leave crf.threads out'),
        ('default,smoothing=mean', 'smoothing expected one of average, flow, none'),
        ('default,smoothing=flow,smoothing.history=1', 'expected a number from 0 to below 1'),
        ('default,smoothing.history=0.5', r'which is off. Add smoothing=flow'),
    ],
)
def test_what_is_no_side_is_refused(text: str, words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        parse_side(text, BASE)
