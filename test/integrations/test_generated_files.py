# SPDX-License-Identifier: Apache-2.0
"""Generated files against what each consumer's source asks for."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any, TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np
import yaml

from seg_node.integrations import CONSUMERS, generate, Site
from seg_node.integrations.needs import Need, NEEDS
from seg_node.interface import AUTOWARE_LABELS, autoware_table, TOPICS
from seg_node.ros.parameters.table import Parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seg_node.interface import Quality

BY_NAME = {one.name: one for one in TOPICS}
LAYER = 'semantic_segmentation_layer'
# Declared by SemanticSegmentationLayer::onInitialize for the layer, a source and a type of class.
LAYER_KEYS = {
    *('plugin', 'enabled', 'combination_method', 'observation_sources', 'publish_debug_topics'),
    'use_approximate_time_sync',
}
SOURCE_KEYS = {
    *('segmentation_topic', 'confidence_topic', 'labels_topic', 'pointcloud_topic'),
    *('observation_persistence', 'expected_update_rate', 'class_types', 'max_obstacle_distance'),
    *('min_obstacle_distance', 'tile_map_decay_time', 'visualize_tile_map', 'use_cost_selection'),
}
TYPE_KEYS = {
    'classes': list,
    'base_cost': int,
    'max_cost': int,
    'mark_confidence': int,
    'samples_to_max_cost': int,
    'dominant_priority': bool,
}
LETHAL = 254


def loaded(consumer: str, site: Site, name: str) -> Any:
    """Return a generated YAML file as data."""
    return yaml.safe_load(generate(consumer, site)[name])


def strings(data: Any) -> Iterator[str]:
    """Yield every text in nested data."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, (dict, list)):
        for one in data.values() if isinstance(data, dict) else data:
            yield from strings(one)


def published(site: Site) -> dict[str, str]:
    """Return relative name by absolute name of every topic of the node."""
    return {site.topic(camera, name): name for camera in site.cameras for name in BY_NAME}


def topics_in(text: str) -> set[str]:
    """Return what looks like a topic of the node."""
    return set(re.findall(r'(?:/[A-Za-z0-9_]+)*/segmentation(?:/[a-z_]+)+|/diagnostics', text))


def test_every_file_explains_itself_at_its_top(site: Site) -> None:
    for consumer in CONSUMERS:
        for name, text in generate(consumer, site).items():
            if name.endswith('.json'):
                panels = json.loads(text)['configById']
                first = next(iter(panels.values()))
                assert 'Import this layout' in first['markdown']
            else:
                assert text.startswith(('# ', '<!--')), name
                assert len(text.partition('\n\n')[0]) > 60, name


def test_topics_are_those_that_the_node_has(site: Site) -> None:
    for consumer in CONSUMERS:
        for name, text in generate(consumer, site).items():
            body = text.partition('-->')[2] or re.sub('(?m)^#.*$', '', text)
            for topic in topics_in(body):
                assert topic in published(site), (name, topic)


def test_consumer_gets_every_topic_that_it_needs_and_no_other(site: Site) -> None:
    for consumer, needs in NEEDS.items():
        found = set()
        for text in generate(consumer, site).values():
            body = text.partition('-->')[2] or re.sub('(?m)^#.*$', '', text)
            found |= topics_in(body)
        assert found == {
            site.topic(camera, need.topic) for camera in site.cameras for need in needs
        }, consumer


def matches(offer: Quality, need: Need) -> bool:
    """Tell whether a publisher reaches a subscriber: it has to offer at least what is asked."""
    return (offer.reliable or not need.reliable) and (offer.latched or not need.latched)


def test_types_and_quality_of_service_are_compatible() -> None:
    assert set(NEEDS) == set(CONSUMERS)
    for consumer, needs in NEEDS.items():
        for need in needs:
            topic = BY_NAME[need.topic]
            assert topic.kind == need.kind, (consumer, need)
            assert matches(topic.quality, need), (consumer, need)


def test_rule_of_compatible_quality_of_service_refuses_too_little() -> None:
    image, table = BY_NAME['segmentation/mask'].quality, BY_NAME['segmentation/label_info'].quality

    assert matches(image, Need('x', reliable=True))
    assert not matches(image, Need('x', latched=True))
    assert matches(table, Need('x', reliable=True, latched=True))
    assert not matches(BY_NAME['image'].quality, Need('x', reliable=True))


def test_parameters_for_the_node_are_valid(site: Site) -> None:
    for consumer in ('nav2', 'autoware', 'nvblox'):
        data = loaded(consumer, site, f'{consumer}_seg_node.yaml')
        values = flat(data['/**']['ros__parameters'])
        parameters = Parameters.from_values(values)
        assert parameters.cameras == site.cameras


def start_command(text: str) -> list[str]:
    """Return the words of the command at the top of a file that starts the node."""
    words = re.sub('(?m)^# ?', '', text).replace('\\\n', ' ')
    (line,) = (one for one in words.splitlines() if one.strip().startswith('ros2 run'))
    return shlex.split(line)


def test_node_is_started_where_the_files_expect_it(site: Site) -> None:
    for consumer in ('nav2', 'autoware', 'nvblox'):
        name = f'{consumer}_seg_node.yaml'
        words = start_command(generate(consumer, site)[name])

        assert words[:5] == ['ros2', 'run', 'seg_node', 'seg_node', '--ros-args']
        assert words[words.index('--params-file') + 1] == name
        rules = dict(word.split(':=') for word in words if ':=' in word)
        assert rules.pop('__ns', '') == site.namespace
        assert rules == {
            f'{camera}/image' if camera else 'image': site.topic(camera, 'image')
            for camera in site.cameras
        }


def flat(values: dict[str, Any], prefix: str = '') -> dict[str, Any]:
    """Return nested parameters with dots."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        nested = isinstance(value, dict)
        found |= flat(value, f'{prefix}{name}.') if nested else {prefix + name: value}
    return found


def nav2_layer(site: Site) -> dict[str, Any]:
    data = loaded('nav2', site, 'nav2_costmap.yaml')
    layer: dict[str, Any] = data['local_costmap']['local_costmap']['ros__parameters'][LAYER]
    return layer


def test_nav2_names_every_class_of_the_bundle_once(site: Site) -> None:
    layer = nav2_layer(site)

    sources = layer['observation_sources'].split()
    assert len(sources) == len(site.cameras)
    for source in sources:
        types = layer[source]['class_types']
        named = [name for one in types for name in layer[source][one]['classes']]
        assert sorted(named) == sorted(site.manifest.taxonomy.names)


def test_nav2_sets_only_what_the_layer_declares_in_its_types(site: Site) -> None:
    layer = nav2_layer(site)

    sources = layer['observation_sources'].split()
    assert set(layer) - set(sources) <= LAYER_KEYS
    for source in sources:
        types = layer[source]['class_types']
        assert set(layer[source]) - set(types) <= SOURCE_KEYS
        for one in types:
            values = layer[source][one]
            assert {key: type(value) for key, value in values.items()} == TYPE_KEYS
            assert 0 <= values['base_cost'] <= values['max_cost'] <= LETHAL
            assert 0 <= values['mark_confidence'] <= 255
            assert values['classes']


def test_nav2_makes_people_lethal_and_the_road_free(site: Site) -> None:
    layer = nav2_layer(site)

    source = layer[layer['observation_sources'].split()[0]]
    costs = {
        name: source[one]['max_cost']
        for one in source['class_types']
        for name in source[one]['classes']
    }
    for one in site.manifest.taxonomy.classes:
        if one.drivable:
            assert costs[one.name] == 0
        elif one.kind in {'object', 'thin'}:
            assert costs[one.name] == LETHAL
        else:
            assert costs[one.name] > 0


def test_nav2_says_what_has_to_be_there_beside_the_node(site: Site) -> None:
    files = generate('nav2', site)

    words = files['nav2_seg_node.yaml'].partition('/**:')[0]
    for camera in site.cameras:
        assert site.topic(camera, site.clouds) in words
    assert 'vision_msgs 4.1' in words
    assert '2026-03' in files['nav2_costmap.yaml']


def test_nav2_reads_mask_confidence_and_labels_of_one_size(site: Site) -> None:
    layer = nav2_layer(site)
    parameters = flat(loaded('nav2', site, 'nav2_seg_node.yaml')['/**']['ros__parameters'])

    assert parameters['decimated.factor'] == site.factor
    for source, camera in site.sources().items():
        rooms = {
            layer[source][key].rpartition('/')[0]
            for key in ('segmentation_topic', 'confidence_topic', 'labels_topic')
        }
        assert rooms == {site.topic(camera, 'segmentation/decimated')}
        assert layer[source]['pointcloud_topic'] == site.topic(camera, 'depth/points')


def test_autoware_gets_masks_and_calibrations_of_the_same_camera(site: Site) -> None:
    values = loaded('autoware', site, 'autoware_fusion.param.yaml')['/**']['ros__parameters']

    assert values['rois_number'] == len(site.cameras)
    for number, camera in enumerate(site.cameras):
        room = site.topic(camera, 'segmentation')
        assert values[f'input/rois{number}'] == f'{room}/mask_rle'
        assert values[f'input/camera_info{number}'] == f'{room}/camera_info'
    assert list(values['filter_semantic_label_target']) == list(AUTOWARE_LABELS)
    kept = {'PERSON', 'VEHICLE', 'BIKE', 'OBSTACLE', 'WALL', 'TRAFFIC_SIGN', 'UNKNOWN'}
    assert not [one for one in kept if values['filter_semantic_label_target'][one]]


def test_autoware_runs_are_switched_on(site: Site) -> None:
    values = loaded('autoware', site, 'autoware_seg_node.yaml')['/**']['ros__parameters']

    assert values['mask_rle'] == {'enabled': True}


def test_autoware_table_is_the_one_that_the_node_sends(site: Site) -> None:
    lines = generate('autoware', site)['autoware_labels.csv'].splitlines()
    rows = [line.split(',') for line in lines if not line.startswith('#')]

    taxonomy = site.manifest.taxonomy
    table = autoware_table(taxonomy)
    assert rows[0] == ['class_id', 'class_name', 'autoware_id', 'autoware_label']
    assert [row[1] for row in rows[1:]] == list(taxonomy.names)
    np.testing.assert_array_equal([int(row[2]) for row in rows[1:]], table[: len(taxonomy)])
    assert [AUTOWARE_LABELS[int(row[2])] for row in rows[1:]] == [row[3] for row in rows[1:]]


def test_nvblox_gets_a_mask_that_is_zero_where_nothing_moves(site: Site) -> None:
    root = ET.fromstring(generate('nvblox', site)['nvblox_remaps.launch.xml'])  # noqa: S314

    pairs = {one.attrib['from']: one.attrib['to'] for one in root.iter('set_remap')}
    want = {}
    for number, camera in enumerate(site.cameras):
        want[f'camera_{number}/color/image'] = site.topic(camera, 'image')
        want[f'camera_{number}/color/camera_info'] = site.topic(camera, 'camera_info')
        want[f'camera_{number}/mask/image'] = site.topic(camera, 'segmentation/movable')
        want[f'camera_{number}/mask/camera_info'] = site.topic(camera, 'segmentation/camera_info')
    assert pairs == want


def test_nvblox_expects_as_many_cameras_and_masks(site: Site) -> None:
    values = loaded('nvblox', site, 'nvblox_node.yaml')['/**']['ros__parameters']

    assert values['num_cameras'] == len(site.cameras)
    assert values['use_segmentation'] is True
    assert values['mapping_type'] == 'human_with_static_tsdf'


def leaves(layout: Any) -> list[str]:
    """Return the panels of a mosaic."""
    if isinstance(layout, str):
        return [layout]
    assert set(layout) == {'first', 'second', 'direction', 'splitPercentage'}
    assert layout['direction'] in {'row', 'column'}
    assert 0 < layout['splitPercentage'] < 100
    return [*leaves(layout['first']), *leaves(layout['second'])]


def test_foxglove_shows_each_panel_once_and_only_encodings_that_it_decodes(site: Site) -> None:
    layout = json.loads(generate('foxglove', site)['foxglove_layout.json'])

    assert sorted(leaves(layout['layout'])) == sorted(layout['configById'])
    kinds = {panel.partition('!')[0] for panel in layout['configById']}
    assert kinds == {
        *('Markdown', 'Image', 'RawMessages', 'DiagnosticSummary', 'DiagnosticStatusPanel')
    }
    names = published(site)
    for panel, values in layout['configById'].items():
        if panel.startswith('Image!'):
            mode = values['imageMode']
            topic = BY_NAME[names[mode['imageTopic']]]
            assert topic.content.startswith(('mono8', 'rgb8')), topic
            assert set(mode) == {'imageTopic'}, 'with a calibration it waits for one'


def test_foxglove_has_the_colour_of_every_class(site: Site) -> None:
    layout = json.loads(generate('foxglove', site)['foxglove_layout.json'])

    words = layout['configById']['Markdown!about']['markdown']
    for one in site.manifest.taxonomy.classes:
        assert f'| {one.name} | {one.color} |' in words


def test_rviz_shows_images_as_the_node_offers_them(site: Site) -> None:
    manager = loaded('rviz', site, 'seg_node.rviz')['Visualization Manager']

    displays = manager['Displays']
    assert len(displays) == 3 * len(site.cameras)
    assert len({one['Name'] for one in displays}) == len(displays)
    for one in displays:
        assert one['Class'] == 'rviz_default_plugins/Image'
        topic = one['Topic']
        quality = BY_NAME[published(site)[topic['Value']]].quality
        assert (topic['Reliability Policy'] == 'Reliable') <= quality.reliable
        assert (topic['Durability Policy'] == 'Volatile') or quality.latched
        assert not topic['Value'].endswith('/mask')


def test_names_in_files_are_legal(site: Site) -> None:
    for consumer in ('nav2', 'autoware', 'rviz'):
        for name, text in generate(consumer, site).items():
            if not name.endswith('.csv'):
                for word in strings(yaml.safe_load(text)):
                    assert not word.startswith('//'), (name, word)
