# SPDX-License-Identifier: Apache-2.0
"""Answers put to the images that they are for."""

from __future__ import annotations

from typing import Any

import pytest

from seg_node.replay.live.frames import match

MS = 1_000_000


def sent(stamp: int, at: int, repetition: int = 0) -> dict[str, Any]:
    """Return what the player says of an image that it sent ``at`` [ms]."""
    return {
        'bag': 0,
        'pass': repetition,
        'index': stamp,
        'stamp_ns': stamp,
        'log_ns': stamp,
        'sent_ns': at * MS,
        'late_s': 0.0,
    }


def mask(stamp: int, at: int, digest: str = 'd') -> dict[str, Any]:
    """Return what the recorder writes of a mask that it received ``at`` [ms]."""
    return {'topic': 'mask', 'stamp_ns': stamp, 'received_ns': at * MS, 'digest': digest}


def status(stamp: int, at: int, crf: str) -> dict[str, Any]:
    """Return what the recorder writes of a status."""
    entries = [{'values': {'crf': crf, 'engine': 'torch'}}]
    return {'topic': 'status', 'stamp_ns': stamp, 'received_ns': at * MS, 'entries': entries}


def test_answers_are_found_by_stamp_whatever_their_order() -> None:
    frames, strangers = match(
        [sent(1, 0), sent(2, 100), sent(3, 200)],
        [
            mask(3, 290, 'three'),
            status(1, 31, 'ran'),
            mask(1, 30, 'one'),
            status(3, 291, 'certain'),
        ],
    )

    assert [one.digest for one in frames] == ['one', None, 'three']
    assert [one.crf for one in frames] == ['ran', None, 'certain']
    assert [one.latency for one in frames] == [pytest.approx(0.03), None, pytest.approx(0.09)]
    assert [one.engine for one in frames] == ['torch', None, 'torch']
    assert strangers == 0


def test_a_stamp_that_comes_again_belongs_to_the_image_sent_last() -> None:
    frames, _ = match(
        [sent(1, 0), sent(2, 100), sent(1, 1000, 1), sent(2, 1100, 1)],
        [mask(1, 50, 'first'), mask(1, 1050, 'again'), mask(2, 1150, 'late')],
    )

    assert [one.digest for one in frames] == ['first', None, 'again', 'late']


def test_masks_that_nobody_asked_for_are_counted() -> None:
    frames, strangers = match([sent(1, 100)], [mask(7, 150), mask(1, 50)])

    assert strangers == 2
    assert frames[0].digest is None
