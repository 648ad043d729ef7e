# SPDX-License-Identifier: Apache-2.0
"""What the CRF changed, in pictures and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from demo.runs import SIZE, write_run
from seg_node.demo.options import DemoOptions
from seg_node.demo.record import read_record
from seg_node.demo.refined import (
    change_picture,
    CHANGES,
    effect,
    look_again,
    most_changed,
    Refined,
    refined_row,
    truth_ids,
    window,
)
from seg_node.taxonomy import load_taxonomy
from tiny import scene, TAXONOMY, tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.demo.record import Moment

SAME = truth_ids(TAXONOMY, TAXONOMY)
IMAGE, TRUTH = scene(SIZE, 0)


@pytest.fixture
def moments(tmp_path: Path) -> list[Moment]:
    """Three perfect ones, of which the first was refined."""
    reel, performance = write_run(tmp_path, 3)
    return list(read_record(tmp_path / 'record', reel, performance).moments)


def wrong(labels: npt.NDArray[np.uint8], pixels: int) -> npt.NDArray[np.uint8]:
    """Return labels of which the first few are another class."""
    spoilt = labels.copy()
    spoilt.ravel()[:pixels] = (spoilt.ravel()[:pixels] + 1) % 3
    return spoilt


def test_effect_is_the_mean_iou_before_and_after(moments: list[Moment]) -> None:
    frames = [Refined(moments[0], wrong(TRUTH, 500), TRUTH)]

    found = effect(frames, SAME, TAXONOMY)

    ious = [
        ((one == TRUTH) & (frames[0].network == one)).sum()
        / ((one == TRUTH) | (frames[0].network == one)).sum()
        for one in range(3)
    ]
    assert found['compared_frames'] == 1
    assert found['mean_iou_before'] == pytest.approx(np.mean(ious))
    assert found['mean_iou_after'] == 1.0


def test_effect_is_not_known_without_truth(moments: list[Moment]) -> None:
    found = effect([Refined(moments[0], TRUTH, TRUTH)], None, TAXONOMY)

    assert (found['mean_iou_before'], found['mean_iou_after']) == (None, None)


def test_classes_without_a_relation_have_no_truth() -> None:
    assert truth_ids(load_taxonomy('camvid11'), TAXONOMY) is None
    assert truth_ids(None, TAXONOMY) is None


def test_most_changed_come_in_the_order_of_the_drive(moments: list[Moment]) -> None:
    changes = (5, 1, 9)
    frames = [
        Refined(moment, wrong(TRUTH, count), TRUTH)
        for moment, count in zip(moments, changes, strict=True)
    ]

    assert most_changed(frames, 2) == [frames[0], frames[2]]


def test_change_is_coloured_by_what_it_did(moments: list[Moment]) -> None:
    network, mask = TRUTH.copy(), TRUTH.copy()
    network[0, 0] = (TRUTH[0, 0] + 1) % 3
    mask[0, 1] = (TRUTH[0, 1] + 1) % 3
    network[0, 2], mask[0, 2] = (TRUTH[0, 2] + 1) % 3, (TRUTH[0, 2] + 2) % 3

    picture = change_picture(IMAGE, Refined(moments[0], network, mask), TAXONOMY, TRUTH)

    assert [tuple(picture[0, place].tolist()) for place in range(3)] == list(CHANGES.values())
    rest = picture.reshape(-1, 3)[3:]
    assert np.ptp(rest, axis=1).max() == 0  # grey


def test_change_has_the_colour_of_its_class_where_nobody_knows_the_truth(
    moments: list[Moment],
) -> None:
    mask = wrong(TRUTH, 1)

    picture = change_picture(IMAGE, Refined(moments[0], TRUTH, mask), TAXONOMY, None)

    assert tuple(picture[0, 0]) == tuple(TAXONOMY.colors[mask[0, 0]])


def test_window_is_where_most_pixels_changed() -> None:
    changed = np.zeros((50, 100), np.bool_)
    changed[2, 3] = True
    changed[40:45, 80:90] = True

    rows, columns = window(changed)

    assert (rows.stop - rows.start, columns.stop - columns.start) == (20, 40)
    assert changed[rows, columns].sum() == 50


def test_window_of_a_picture_of_one_pixel_is_that_pixel() -> None:
    assert window(np.ones((1, 1), np.bool_)) == (slice(0, 1), slice(0, 1))


@pytest.mark.parametrize(('truth', 'count'), [(TRUTH, 5), (None, 4)], ids=['known', 'unknown'])
def test_row_has_the_truth_where_it_is_known(
    moments: list[Moment], truth: npt.NDArray[np.uint8] | None, count: int
) -> None:
    one = Refined(moments[0], wrong(TRUTH, 23), TRUTH)

    row = refined_row(one, TAXONOMY, truth, ['0.0 s'])

    assert len(row.pictures) == count
    assert list(row.caption) == ['0.0 s', '1.0 % changed']
    assert len({picture.shape for picture in row.pictures if picture is not None}) == 1


@pytest.mark.needs_onnx
def test_only_refined_moments_are_looked_at_again(tmp_path: Path, moments: list[Moment]) -> None:
    bundle = tiny_bundle(tmp_path / 'bundle')

    found = look_again(moments, bundle, ('fake', 'fp32'))

    assert [one.moment for one in found] == moments[:1]
    assert found[0].network.shape == SIZE
    np.testing.assert_array_equal(found[0].mask, TRUTH)
    assert look_again(moments[1:], bundle, ('steam', 'unknown')) == []


@pytest.mark.parametrize(
    ('crf', 'native', 'refines'),
    [
        ('on', False, True),
        ('off', True, False),
        ('auto', True, True),
        ('auto', False, False),
    ],
)
def test_auto_refines_where_the_native_back_end_works(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, crf: str, *, native: bool, refines: bool
) -> None:
    monkeypatch.setattr(
        'seg_node.demo.options.is_available', lambda name: native and name == 'native'
    )

    assert DemoOptions(tmp_path, crf=crf).refines is refines  # type: ignore[arg-type]
