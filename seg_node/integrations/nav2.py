# SPDX-License-Identifier: Apache-2.0
"""Nav2: a costmap layer of kiwicampus/semantic_segmentation_layer that knows every class."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

from seg_node.errors import ParameterError
from seg_node.interface import topics

from .site import yaml_file

if TYPE_CHECKING:
    from seg_node.taxonomy import SegClass, Taxonomy

    from .site import Site

__all__ = ['COSTS', 'cost_type', 'nav2_files']

LAYER = 'semantic_segmentation_layer'
OPEN_GROUPS = frozenset({'', 'flat', 'nature', 'sky'})
COSTS: dict[str, dict[str, Any]] = {
    'traversable': {
        'base_cost': 0,
        'max_cost': 0,
        'mark_confidence': 0,
        'samples_to_max_cost': 0,
        'dominant_priority': False,
    },
    'caution': {
        'base_cost': 60,
        'max_cost': 180,
        'mark_confidence': 128,
        'samples_to_max_cost': 3,
        'dominant_priority': False,
    },
    'danger': {
        'base_cost': 254,
        'max_cost': 254,
        'mark_confidence': 0,
        'samples_to_max_cost': 0,
        'dominant_priority': True,
    },
}
"""Cost of a tile by type: 0 is free, 254 lethal. One sight of danger is enough and outlasts every
other class on its tile; caution has to be seen three times, half sure, for its full cost."""

COSTMAP = """\
Nav2 costmap layer for bundle {bundle} of seg_node. Every class has a cost; the layer logs
"CRITICAL ERROR" for a class without one, and ignores it.

Copy what is below ros__parameters into the costmap of your Nav2 parameters, add
{layer} to its list of plugins before the inflation layer, and change the
costs to your taste. The layer is the package of that name by kiwicampus, of 2026-03 or later:
older ones ignore use_approximate_time_sync and take no cloud whose stamp is not exactly that of
the mask.

It pairs masks with organised point clouds of the same size: both have one pixel in {factor} in
both directions (seg_node: nav2_seg_node.yaml; depth image: CropDecimate of image_proc with
decimation_x and decimation_y {factor}). docs/integrations.md has the commands.

The layer knows no height: it projects every point onto the ground, so that a sign or a branch
above the robot is lethal too. Crop the cloud by height before it (filter_passthrough_node of
pcl_ros with keep_organized, as in docs/integrations.md).

  traversable  where the bundle says that one may drive: no cost
  caution      ground that one should not drive on, plants, sky, and what is not known better
  danger       people, vehicles, poles, signs, buildings, walls, fences: lethal
"""
NODE = """\
Parameters of seg_node for Nav2. Start it with the topics of your cameras behind image:=, so:
  {command}
One pixel in {factor} in both directions is under segmentation/decimated. "nearest" takes label and
confidence of the very pixel whose depth is in the cloud; of all pixels that fall on a tile the
layer lets the costliest class win (use_cost_selection).

Two things have to be there beside it:
  * organised clouds (sensor_msgs/PointCloud2) with as many points, on
    {clouds};
  * vision_msgs 4.1 or newer where seg_node runs: without it there is no label_info, and the layer
    throws every frame away ("seg doctor" says whether it is there).
"""


def cost_type(one: SegClass) -> str:
    """Return the type of cost of a class, a key of ``COSTS``.

    Example:
        >>> from seg_node.taxonomy import load_taxonomy
        >>> classes = load_taxonomy('cityscapes19').classes
        >>> [cost_type(classes[index]) for index in (0, 1, 2, 11)]
        ['traversable', 'caution', 'danger', 'danger']
    """
    if one.drivable:
        return 'traversable'
    solid = one.kind in ('object', 'thin') or one.group not in OPEN_GROUPS
    return 'danger' if solid else 'caution'


def nav2_files(site: Site) -> dict[str, str]:
    """Return the files for Nav2, by name.

    Raises:
        ParameterError: If a camera is called like a parameter of the layer.
    """
    clouds = ',\n    '.join(site.topic(camera, site.clouds) for camera in site.cameras)
    words = {
        'bundle': site.manifest.name,
        'layer': LAYER,
        'factor': site.factor,
        'clouds': clouds,
        'command': site.start_command('nav2_seg_node.yaml'),
    }
    layer: dict[str, object] = {
        'plugin': 'semantic_segmentation_layer::SemanticSegmentationLayer',
        'enabled': True,
        'use_approximate_time_sync': True,
        'observation_sources': ' '.join(site.sources()),
    }
    for source, camera in site.sources().items():
        if source in layer:
            msg = (
                f'Camera {source!r} is called like a parameter of the layer, which it would '
                'replace. Give it another name in the parameter cameras.'
            )
            raise ParameterError(msg)
        layer[source] = _source(site, camera)
    costmap = {'local_costmap': {'local_costmap': {'ros__parameters': {LAYER: layer}}}}
    node = site.node_parameters({'decimated': {'factor': site.factor, 'rule': 'nearest'}})
    return {
        'nav2_costmap.yaml': yaml_file(COSTMAP.format(**words), costmap),
        'nav2_seg_node.yaml': yaml_file(NODE.format(**words), node),
    }


def _source(site: Site, camera: str) -> dict[str, Any]:
    types = _classes_by_type(site.manifest.taxonomy)
    return {
        'segmentation_topic': site.topic(camera, topics.DECIMATED_MASK),
        'confidence_topic': site.topic(camera, topics.DECIMATED_CONFIDENCE),
        'labels_topic': site.topic(camera, topics.DECIMATED_LABEL_INFO),
        'pointcloud_topic': site.topic(camera, site.clouds),
        'use_cost_selection': True,
        'max_obstacle_distance': 5.0,
        'min_obstacle_distance': 0.3,
        'tile_map_decay_time': 5.0,
        'class_types': list(types),
        **{name: {'classes': classes, **COSTS[name]} for name, classes in types.items()},
    }


def _classes_by_type(taxonomy: Taxonomy) -> dict[str, list[str]]:
    """Return the classes of each type of cost that has any."""
    found: dict[str, list[str]] = {name: [] for name in COSTS}
    for one in taxonomy.classes:
        found[cost_type(one)].append(one.name)
    return {name: classes for name, classes in found.items() if classes}
