# SPDX-License-Identifier: Apache-2.0
"""Cameras and painters of the procedural scenes, against formulae written down by hand."""

from __future__ import annotations

from math import atan2, hypot, radians, tan

import numpy as np
import pytest

from seg_node.datasets.procedural.arrays import chance, random_for, vector
from seg_node.datasets.procedural.camera import Camera, clip_near
from seg_node.datasets.procedural.canvas import Canvas, Limbs, Panel
from seg_node.datasets.procedural.classes import BUILDING, CAR, FENCE, PERSON, POLE, TERRAIN
from seg_node.datasets.procedural.light import draw_light
from seg_node.datasets.procedural.people import person
from seg_node.datasets.procedural.render import paint, shadow_of
from seg_node.datasets.procedural.scenery import Scenery
from seg_node.datasets.procedural.street import draw_street
from seg_node.datasets.procedural.vehicles import vehicle
from seg_node.datasets.procedural.world import World

LEVEL = Camera((480, 640), 500.0, (0.0, 0.0, 1.5))
NOTHING = 255


def canvas_of(camera: Camera) -> Canvas:
    return Canvas(camera, draw_light(random_for(1), 'overcast'))


def test_point_projects_where_the_pinhole_formula_says() -> None:
    # 20 m ahead, 3 m to the left, 0.5 m above ground, seen from 1.5 m
    column, row = LEVEL.project(np.array([[20.0, 3.0, 0.5]]))[0]

    assert column == pytest.approx(319.5 - 500 * 3 / 20)
    assert row == pytest.approx(239.5 + 500 * 1.0 / 20)


def test_turned_camera_sees_the_same_as_a_turned_world() -> None:
    turned = Camera((480, 640), 500.0, (4.0, -2.0, 1.5), yaw=0.7)
    ahead = np.array(
        [[np.cos(0.7), np.sin(0.7), 0.0], [-np.sin(0.7), np.cos(0.7), 0.0], [0, 0, 1]]
    )
    points = np.array([[10.0, 1.0, 0.0], [30.0, -4.0, 2.0]])

    seen = turned.project(points @ ahead + (4.0, -2.0, 0.0))

    np.testing.assert_allclose(seen, LEVEL.project(points), atol=1e-9)


@pytest.mark.parametrize('pitch', [-0.1, 0.0, 0.08])
def test_horizon_is_where_a_far_ground_point_appears(pitch: float) -> None:
    camera = Camera((480, 640), 500.0, (0.0, 0.0, 1.5), pitch=pitch)

    row = camera.project(np.array([[1e7, 0.0, 0.0]]))[0, 1]

    assert row == pytest.approx(camera.horizon, abs=1e-3)
    assert row == pytest.approx(239.5 - 500 * tan(pitch), abs=1e-3)


def test_positive_roll_lowers_the_left_and_lifts_nothing_in_the_middle() -> None:
    camera = Camera((480, 640), 500.0, (0.0, 0.0, 1.5), roll=radians(5))

    left, right = camera.project(np.array([[50.0, 20.0, 1.5], [50.0, -20.0, 1.5]]))

    assert abs(left[1] - right[1]) == pytest.approx(2 * 200 * np.sin(radians(5)), rel=1e-6)
    assert (left[1] + right[1]) / 2 == pytest.approx(239.5)


def test_polygon_is_cut_where_it_passes_the_camera() -> None:
    road = np.array([[-1.0, 1.5, -5.0], [1.0, 1.5, -5.0], [1.0, 1.5, 50.0], [-1.0, 1.5, 50.0]])

    cut = clip_near(road, near=0.5)

    assert len(cut) == 4
    assert cut[:, 2].min() == pytest.approx(0.5)
    assert cut[:, 2].max() == pytest.approx(50.0)


def test_car_covers_its_projected_box_and_nothing_outside() -> None:
    canvas = canvas_of(LEVEL)
    mesh = vehicle('car', 3)
    canvas.mesh(mesh, vector(15.0, 1.0, 0.0), 0.3)

    rows, columns = np.nonzero(canvas.picture[..., 3] == CAR)

    c, s = np.cos(0.3), np.sin(0.3)
    x, y, z = mesh.vertices.T
    depth, aside = 15.0 + c * x - s * y, 1.0 + s * x + c * y
    u, v = 319.5 - 500 * aside / depth, 239.5 + 500 * (1.5 - z) / depth
    assert columns.min() == pytest.approx(u.min(), abs=1.5)
    assert columns.max() == pytest.approx(u.max(), abs=1.5)
    assert rows.min() == pytest.approx(v.min(), abs=1.5)
    assert rows.max() == pytest.approx(v.max(), abs=1.5)
    middle = canvas.picture[int((v.min() + v.max()) / 2), int((u.min() + u.max()) / 2), 3]
    assert middle == CAR


@pytest.mark.parametrize(
    ('kind', 'heights', 'lengths'),
    [
        ('car', (1.3, 1.8), (3.6, 4.8)),
        ('van', (1.8, 2.5), (4.5, 5.5)),
        ('truck', (2.5, 4.0), (5.5, 10.0)),
        ('bus', (2.9, 4.4), (9.5, 13.0)),
        ('train', (3.3, 4.2), (12.0, 18.0)),
    ],
)
def test_vehicles_have_the_size_of_real_ones(
    kind: str, heights: tuple[float, float], lengths: tuple[float, float]
) -> None:
    for variant in range(6):
        mesh = vehicle(kind, variant)

        assert heights[0] < mesh.height < heights[1]
        assert lengths[0] < mesh.length < lengths[1]
        assert mesh.vertices[:, 2].min() == pytest.approx(0.0, abs=0.03)


def test_person_stands_on_the_ground_and_is_as_tall_as_people_are() -> None:
    limbs = person(random_for(4), 0.6).place(vector(0, 0, 0), 0.0)

    tops = np.maximum(limbs.start[:, 2] + limbs.radii[:, 0], limbs.stop[:, 2] + limbs.radii[:, 1])
    soles = np.minimum(limbs.start[:, 2] - limbs.radii[:, 0], limbs.stop[:, 2] - limbs.radii[:, 1])

    assert 1.6 < tops.max() < 1.85
    assert abs(soles.min()) < 0.05
    assert set(limbs.labels) == {PERSON}


def test_pole_is_as_wide_as_its_radius_says() -> None:
    canvas = canvas_of(LEVEL)
    foot, top = vector(10, 0, 0), vector(10, 0, 3)
    thick = np.full((1, 2), 0.2)
    canvas.limbs(Limbs(foot[None], top[None], thick, np.full((1, 3), 90.0), (POLE,), np.zeros(1)))

    width = (canvas.picture[240, :, 3] == POLE).sum()

    assert width == pytest.approx(2 * 0.2 * 500 / 10, abs=2)


def test_panel_shows_its_texture_the_right_way_round() -> None:
    texture = np.zeros((20, 40, 3), np.uint8)
    texture[:10, :20] = (250, 0, 0)  # red above on the side where `along` begins
    canvas = canvas_of(LEVEL)
    origin, along = vector(10, 2, 0), vector(0, -4, 0)  # from left to right
    canvas.panel(Panel(origin, along, vector(0, 0, 3), texture, FENCE, vector(-1, 0, 0)))

    upper_left = LEVEL.project(np.array([[10.0, 1.0, 2.2]]))[0].round().astype(int)
    upper_right = LEVEL.project(np.array([[10.0, -1.0, 2.2]]))[0].round().astype(int)

    red = canvas.picture[upper_left[1], upper_left[0]]
    black = canvas.picture[upper_right[1], upper_right[0]]
    assert red[0] > red[1] + 100
    assert black[0] < red[0] / 2
    assert red[3] == black[3] == FENCE


def test_panel_seen_from_behind_is_left_out_when_it_is_a_building() -> None:
    texture = np.full((8, 8, 3), 200, np.uint8)
    canvas = canvas_of(LEVEL)
    along, up = vector(0, -4, 0), vector(0, 0, 3)

    canvas.panel(Panel(vector(10, 2, 0), along, up, texture, BUILDING, vector(1, 0, 0)))

    assert (canvas.picture[..., 3] == NOTHING).all()


def test_nearer_thing_hides_the_farther_one() -> None:
    world = World(5, light='overcast')
    scenery = Scenery()
    scenery.mesh(vehicle('car', 0), vector(9.0, 0.0, 0.0), 0.0)
    scenery.mesh(vehicle('bus', 0), vector(25.0, 0.0, 0.0), 0.0)
    labels = paint(world, scenery, LEVEL).picture[..., 3]

    column, row = LEVEL.project(np.array([[9.0, 0.0, 0.7]]))[0].round().astype(int)

    assert labels[row, column] == CAR
    assert labels[-1, 320] == TERRAIN  # the ground where no street was laid


def test_shadow_falls_away_from_the_sun() -> None:
    mast = np.array([[10.0, 0.0, 0.0], [10.1, 0.0, 0.0], [10.0, 0.0, 4.0]])
    slope = vector(0.5, -1.0)  # the sun stands at (0.5, -1, 1)

    tip = shadow_of(mast, slope)

    assert any(np.allclose(corner, (8.0, 4.0, 0.0), atol=1e-5) for corner in tip)


def test_street_places_keep_their_distance_from_the_centre_line() -> None:
    street = draw_street(random_for(8), 300)

    for s in (0.0, 33.3, 120.0):
        left, right = street.point(s, 4.0), street.point(s, -4.0)
        ahead = street.point(s + 0.5, 0.0) - street.point(s, 0.0)

        assert np.linalg.norm(left - right) == pytest.approx(8.0)
        assert hypot(ahead[0], ahead[1]) == pytest.approx(0.5, abs=0.02)
        assert atan2(ahead[1], ahead[0]) == pytest.approx(street.heading(s), abs=0.02)


def test_chance_is_evenly_spread() -> None:
    drawn = [chance(7, lane, slot) for lane in range(8) for slot in range(-300, 300)]

    counts, _ = np.histogram(drawn, bins=10, range=(0, 1))

    assert counts.min() > 400
    assert counts.max() < 560
