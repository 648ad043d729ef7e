# SPDX-License-Identifier: Apache-2.0
"""The drivable area of a sequence: what is asked of a pixel, remembered, and removed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given, settings, strategies
import numpy as np
import pytest

from seg_node.engines.base import Inferred, Wanted
from seg_node.engines.fake_engine import FakeEngine
from seg_node.errors import ParameterError, TaxonomyError
from seg_node.imaging import PixelMaps, place
from seg_node.pipeline import Mounting, Segmenter, SegmenterOptions
from seg_node.pipeline.drivable import DrivableStage, Evidence
import tiny

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]

pytestmark = pytest.mark.needs_onnx
LAVA, ROAD = tiny.TAXONOMY.index('lava'), tiny.TAXONOMY.index('green road')
OPEN = SegmenterOptions(drivable_min_probability=0.5, drivable_max_entropy=1.0)
IMAGE = np.zeros((50, 60, 3), np.uint8)


def evidence(*confidence: float, label: int = ROAD, entropy: float = 0.0) -> Evidence:
    """Return a frame of one row: probabilities of the label, which is the same everywhere."""
    levels = np.array([[round(255 * one) for one in confidence]], np.uint8)
    return Evidence(
        labels=np.full_like(levels, label),
        confidence=levels,
        entropy=np.full_like(levels, round(255 * entropy)),
    )


def row(area: UInt8Array) -> list[bool]:
    """Return the only row of an area."""
    return [bool(level) for level in area[0]]


@pytest.fixture
def stage() -> DrivableStage:
    return DrivableStage(tiny.tiny_manifest())


def test_classes_by_name_take_the_place_of_those_of_the_taxonomy(stage: DrivableStage) -> None:
    lava = replace(OPEN, drivable_classes=('lava',))

    assert row(stage(evidence(0.9, label=LAVA), lava, None)) == [True]
    assert row(stage(evidence(0.9, label=ROAD), lava, None)) == [False]
    assert row(stage(evidence(0.9, label=ROAD), OPEN, None)) == [True]


def test_class_that_the_bundle_lacks_is_refused_with_those_it_has(stage: DrivableStage) -> None:
    with pytest.raises(TaxonomyError, match="'street'; expected one of green road, lava, water"):
        stage(evidence(0.9), replace(OPEN, drivable_classes=('street',)), None)


def test_every_label_map_has_to_be_drivable(stage: DrivableStage) -> None:
    before = np.array([[ROAD, LAVA]], np.uint8)

    area = stage(replace(evidence(0.9, 0.9), others=(before,)), OPEN, None)

    assert row(area) == [True, False]


def test_pixel_has_to_be_surer_to_enter_than_to_stay(stage: DrivableStage) -> None:
    """The limit of 0.5 is raised by half of what is left: 0.75."""
    options = replace(OPEN, drivable_hysteresis=0.5)

    shares = [0.7, 0.8, 0.7, 0.55, 0.45, 0.7]
    seen = [row(stage(evidence(one), options, 0.1 * n))[0] for n, one in enumerate(shares)]

    assert seen == [False, True, True, True, False, False]


def test_entropy_has_to_be_lower_to_enter_than_to_stay(stage: DrivableStage) -> None:
    options = replace(OPEN, drivable_max_entropy=0.6, drivable_hysteresis=0.5)

    levels = [0.5, 0.2, 0.5, 0.7, 0.5]
    seen = [
        row(stage(evidence(1.0, entropy=one), options, 0.1 * n))[0] for n, one in enumerate(levels)
    ]

    assert seen == [False, True, True, False, False]


@pytest.mark.parametrize(('stamp', 'held'), [(0.1, True), (1.5, False), (-0.1, False)])
def test_memory_is_lost_where_time_jumps(
    stage: DrivableStage, stamp: float, *, held: bool
) -> None:
    options = replace(OPEN, drivable_hysteresis=0.5)
    stage(evidence(0.9), options, 0.0)

    assert row(stage(evidence(0.6), options, stamp)) == [held]


def test_memory_is_lost_where_the_size_changes(stage: DrivableStage) -> None:
    options = replace(OPEN, drivable_hysteresis=0.5)
    stage(evidence(0.9), options, 0.0)

    assert row(stage(evidence(0.6, 0.6), options, 0.1)) == [False, False]


def test_frame_without_a_stamp_is_judged_alone_and_changes_nothing(stage: DrivableStage) -> None:
    options = replace(OPEN, drivable_hysteresis=0.5)
    stage(evidence(0.9), options, 0.0)

    assert row(stage(evidence(0.6), options, None)) == [False]
    assert row(stage(evidence(0.6), options, 0.1)) == [True]


@settings(max_examples=50)
@given(strategies.lists(strategies.floats(0, 1), min_size=1, max_size=20), strategies.floats(0, 1))
def test_hysteresis_never_makes_a_pixel_drivable_that_is_not(
    shares: list[float], hysteresis: float
) -> None:
    stage = DrivableStage(tiny.tiny_manifest())
    options = replace(OPEN, drivable_hysteresis=hysteresis)

    for number, share in enumerate(shares):
        plain = row(stage(evidence(share), OPEN, None))[0]
        assert plain or not row(stage(evidence(share), options, 0.1 * number))[0]


def test_holes_that_another_stage_calls_an_obstacle_are_not_filled(stage: DrivableStage) -> None:
    """The CRF has removed it from the labels, the network has seen it."""
    options = replace(OPEN, drivable_max_hole=0.1)
    confidence = np.full((9, 9), 250, np.uint8)
    confidence[4, 4] = 10
    found = Evidence(np.full((9, 9), ROAD, np.uint8), confidence, np.zeros((9, 9), np.uint8))
    before = found.labels.copy()
    before[4, 4] = LAVA

    assert stage(found, options, None).all()
    assert stage(replace(found, others=(before,)), options, None)[4, 4] == 0


def test_largest_hole_is_a_share_of_the_image(stage: DrivableStage) -> None:
    confidence = np.full((10, 10), 250, np.uint8)
    confidence[4, 4:7] = 10
    found = Evidence(np.full((10, 10), ROAD, np.uint8), confidence, np.zeros((10, 10), np.uint8))

    assert not stage(found, replace(OPEN, drivable_max_hole=0.02), None).all()
    assert stage(found, replace(OPEN, drivable_max_hole=0.03), None).all()


def test_reachable_area_begins_above_the_own_vehicle_and_leaves_it_out(
    stage: DrivableStage,
) -> None:
    size = (20, 20)
    bonnet = np.zeros(size, np.bool_)
    bonnet[15:] = True
    labels = np.full(size, ROAD, np.uint8)
    labels[5] = LAVA  # what is beyond it cannot be reached
    found = Evidence(labels, np.full(size, 250, np.uint8), np.zeros(size, np.uint8))

    area = stage(replace(found, own_vehicle=bonnet), replace(OPEN, drivable_reachable=True), None)

    assert np.unique(np.nonzero(area)[0]).tolist() == list(range(6, 15))


def test_region_follows_the_mask_of_the_own_vehicle(stage: DrivableStage) -> None:
    size = (20, 20)
    labels = np.full(size, ROAD, np.uint8)
    labels[12:15] = LAVA
    found = Evidence(labels, np.full(size, 250, np.uint8), np.zeros(size, np.uint8))
    bonnet = np.zeros(size, np.bool_)
    bonnet[15:] = True
    options = replace(OPEN, drivable_reachable=True, drivable_ego_height=0.2)

    plain = stage(found, options, None)
    masked = stage(replace(found, own_vehicle=bonnet), options, None)

    assert np.unique(np.nonzero(plain)[0]).tolist() == list(range(15, 20))
    assert np.unique(np.nonzero(masked)[0]).tolist() == list(range(12))


def test_stage_without_maps_says_what_it_needs(stage: DrivableStage) -> None:
    with pytest.raises(ValueError, match='Expected confidence and entropy'):
        stage(replace(evidence(0.9), confidence=None), OPEN, None)


class DeviceEngine(FakeEngine):
    """Finds the drivable area by itself: an island at the top and the road at the bottom."""

    asked: Wanted | None = None

    def _segment(self, images: Sequence[UInt8Array], wanted: Wanted) -> list[Inferred]:
        self.asked = wanted
        height, width, _ = images[0].shape
        labels = np.full((height, width), LAVA, np.uint8)
        labels[:5] = labels[20:] = ROAD
        sure = np.full((height, width), 250, np.uint8)
        maps = PixelMaps(labels=labels, confidence=sure, entropy=255 - sure, planes={})
        area = np.uint8(255) * (labels == ROAD) if wanted.drivable else None
        return [Inferred(maps, place((height, width), self.bundle.manifest.input), area)]


@pytest.fixture
def engine(tmp_path: Path) -> DeviceEngine:
    engine = DeviceEngine(tiny.tiny_bundle(tmp_path / 'bundle'))
    engine.open()
    return engine


def test_filters_are_applied_to_what_an_engine_has_found(engine: DeviceEngine) -> None:
    area = Segmenter(engine, replace(OPEN, drivable_reachable=True))(IMAGE).drivable_area

    assert engine.asked is not None
    assert engine.asked.drivable == (0.5, 1.0)
    assert area is not None
    assert area[20:].all()
    assert not area[:20].any()


@pytest.mark.parametrize(
    'options',
    [replace(OPEN, drivable_classes=('lava',)), replace(OPEN, drivable_hysteresis=0.1)],
    ids=['classes', 'hysteresis'],
)
def test_engine_is_not_asked_for_what_it_cannot_know(
    engine: DeviceEngine, options: SegmenterOptions
) -> None:
    result = Segmenter(engine, options)(IMAGE)

    assert engine.asked is not None
    assert engine.asked.drivable is None
    assert (engine.asked.confidence, engine.asked.entropy) == (True, True)
    assert result.drivable_area is not None
    lava = bool(options.drivable_classes)
    assert result.drivable_area[10, 10] == (255 if lava else 0)


@pytest.mark.parametrize('rotation', [0, 90, 180, 270])
def test_ego_region_is_at_the_bottom_of_the_upright_image(
    engine: DeviceEngine, rotation: int
) -> None:
    """The island lies at the top of what the network sees, wherever that is in the image."""
    options = replace(OPEN, drivable_reachable=True)
    upright = Segmenter(engine, options)(IMAGE).drivable_area
    turned = np.rot90(IMAGE, rotation // 90)  # counter-clockwise, as the camera hangs

    area = Segmenter(engine, options, Mounting(rotation))(
        np.ascontiguousarray(turned)
    ).drivable_area

    assert upright is not None
    np.testing.assert_array_equal(area, np.rot90(upright, rotation // 90))


@pytest.mark.parametrize(
    'name',
    ['drivable_hysteresis', 'drivable_max_hole', 'drivable_ego_width', 'drivable_ego_height'],
)
def test_shares_out_of_range_are_refused(name: str) -> None:
    with pytest.raises(ParameterError, match=f'{name} is 1.5; expected a number from 0 to 1'):
        replace(OPEN, **{name: 1.5})  # type: ignore[arg-type]
