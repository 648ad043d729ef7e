# SPDX-License-Identifier: Apache-2.0
"""A street in front of a camera becomes a costmap, by the layer's own rules.

The camera looks along x (forward), y is left, z up, and stands 1 m above a flat road. A person
stands 3 m ahead, 0.4 m wide and 1.6 m high.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest
import yaml

from integrations.nav2_layer import Layer, RESOLUTION
from seg_node.imaging.camera_info import decimated_info
from seg_node.imaging.decimation import decimate
from seg_node.integrations import generate, Site
from seg_node.interface import class_tables, frame_images, ImageOptions, topics
from seg_node.pipeline import Segmentation
from seg_node.ros.parameters.table import Parameters
from seg_node.taxonomy import load_taxonomy
from tiny import tiny_manifest

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]
    UInt8Array = npt.NDArray[np.uint8]

TAXONOMY = load_taxonomy('cityscapes19')
SITE = Site(replace(tiny_manifest(), taxonomy=TAXONOMY))
SIZE = (240, 320)
FOCAL, CENTRE = 300.0, (159.5, 119.5)
AHEAD, WIDTH, TALL, HEIGHT = 3.0, 0.4, 1.6, 1.0
LETHAL = 254


def scene() -> tuple[UInt8Array, Array]:
    """Return labels and depth [m] of every pixel; NaN in the sky."""
    v, u = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float64)
    left, up = (CENTRE[0] - u) / FOCAL, (CENTRE[1] - v) / FOCAL
    with np.errstate(divide='ignore'):
        depth = np.where(up < 0, -HEIGHT / up, np.nan)
    labels = np.where(up < 0, TAXONOMY.index('road'), TAXONOMY.index('sky')).astype(np.uint8)
    person = (abs(left * AHEAD) < WIDTH / 2) & (up * AHEAD < TALL - HEIGHT)
    person &= up * AHEAD > -HEIGHT
    labels[person] = TAXONOMY.index('person')
    depth[person] = AHEAD
    return labels, depth


def cloud_of(depth: Array, k: Array) -> Array:
    """Return (h, w, 3) points ahead, left and up of the camera, as depth_image_proc does."""
    v, u = np.mgrid[: depth.shape[0], : depth.shape[1]].astype(np.float64)
    return np.dstack([depth, (k[2] - u) / k[0] * depth, (k[5] - v) / k[4] * depth])


def costs(rule: str, *, factor: int = 4) -> tuple[dict[tuple[int, int], int], Layer]:
    """Return the costmap of the scene and the layer that made it."""
    site = replace(SITE, factor=factor)
    files = generate('nav2', site)
    layers = yaml.safe_load(files['nav2_costmap.yaml'])['local_costmap']['local_costmap']
    source = layers['ros__parameters']['semantic_segmentation_layer']['camera']
    layer = Layer({**source, 'max_obstacle_distance': 12.0})
    layer.label_info(dict(enumerate(TAXONOMY.names)))
    labels, depth = scene()
    result = Segmentation(labels, confidence=np.full(SIZE, 200, np.uint8))
    names = (topics.DECIMATED_MASK, topics.DECIMATED_CONFIDENCE)
    options = ImageOptions(0.5, factor, rule)
    image = np.zeros((*SIZE, 3), np.uint8)
    found = dict(frame_images(names, result, image, class_tables(TAXONOMY), options))
    small = decimated_info(calibration(), factor, SIZE)
    # CropDecimate copies pixels, whatever they are made of
    every = depth[: depth.shape[0] // factor * factor : factor]
    every = every[:, : depth.shape[1] // factor * factor : factor]
    tiles = layer.frame(found[names[0]], found[names[1]], cloud_of(every, small.k))
    return tiles, layer


def calibration() -> Any:
    k = np.array([FOCAL, 0.0, CENTRE[0], 0.0, FOCAL, CENTRE[1], 0.0, 0.0, 1.0])
    region = SimpleNamespace(x_offset=0, y_offset=0, height=0, width=0, do_rectify=False)
    return SimpleNamespace(
        height=SIZE[0],
        width=SIZE[1],
        k=k,
        p=np.insert(k, [3, 6, 9], 0.0),
        binning_x=0,
        binning_y=0,
        roi=region,
    )


def lethal_tiles(tiles: dict[tuple[int, int], int]) -> Array:
    """Return the centres of the lethal tiles: (N, 2) ahead and left [m]."""
    found = [tile for tile, cost in tiles.items() if cost == LETHAL]
    return (np.array(found, np.float64).reshape(-1, 2) + 0.5) * RESOLUTION


def test_person_is_lethal_where_it_stands_and_nowhere_else() -> None:
    tiles, layer = costs('nearest')

    assert layer.log == []
    places = lethal_tiles(tiles)
    assert len(places)
    np.testing.assert_allclose(places[:, 0], AHEAD, atol=RESOLUTION)
    assert abs(places[:, 1]).max() < WIDTH / 2 + RESOLUTION
    # seen over its full width, but for the pixels between the sampled ones
    reach = 4 * AHEAD / FOCAL + RESOLUTION
    assert places[:, 1].max() - places[:, 1].min() > WIDTH - 2 * reach


def test_road_is_free_up_to_the_person() -> None:
    tiles, _ = costs('nearest')

    free = [tile for tile, cost in tiles.items() if cost == 0]
    ahead = np.array([tile[0] * RESOLUTION for tile in free])
    assert len(free) > 500
    assert ahead.min() < AHEAD < ahead.max()


def test_generated_parameters_take_label_and_depth_of_the_same_pixel() -> None:
    """By the other rule the person's outline would be lethal on the road behind it."""
    values = yaml.safe_load(generate('nav2', SITE)['nav2_seg_node.yaml'])['/**']['ros__parameters']
    parameters = Parameters.from_values(
        {f'decimated.{name}': value for name, value in values['decimated'].items()}
    )

    tiles, _ = costs('obstacle')

    assert parameters.decimated_rule == 'nearest'
    assert lethal_tiles(tiles)[:, 0].max() > AHEAD + 2 * RESOLUTION


@pytest.mark.parametrize('factor', [1, 2, 3, 5])
def test_person_stays_in_its_place_for_every_factor(factor: int) -> None:
    places = lethal_tiles(costs('nearest', factor=factor)[0])

    np.testing.assert_allclose(places[:, 0], AHEAD, atol=RESOLUTION)
    assert abs(places[:, 1].mean()) < 2 * RESOLUTION


def test_what_is_overhead_is_lethal_until_the_cloud_is_cropped() -> None:
    """The layer looks at x and y alone, so its file has to say that the cloud needs cropping."""
    _, layer = costs('nearest')
    sign = np.full((1, 1), TAXONOMY.index('traffic sign'), np.uint8)
    overhead = np.array([[[AHEAD, 0.0, 3.0]]])

    before = layer.frame(sign, sign, overhead)
    after = layer.frame(sign, sign, np.full_like(overhead, np.nan))

    assert list(before.values()) == [LETHAL]
    assert after == {}
    words = ' '.join(generate('nav2', SITE)['nav2_costmap.yaml'].replace('#', '').split())
    assert 'The layer knows no height' in words
    assert 'keep_organized' in words


def test_layer_complains_where_its_contract_is_broken() -> None:
    """The stand-in can fail: without labels, with a class it does not know, with another size."""
    _, layer = costs('nearest')
    fresh = Layer(layer.source)
    small = decimate(scene()[0], 4)
    cloud = np.zeros((*small.shape, 3))

    assert fresh.frame(small, small, cloud) == {}
    fresh.label_info({0: 'road', 19: 'hedge'})
    assert fresh.frame(small, small, cloud[:-1]) == {}

    assert [line.split(':')[0] for line in fresh.log] == [
        'no label info yet',
        'CRITICAL ERROR',
        'mask and cloud differ in size',
    ]
