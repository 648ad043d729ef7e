# SPDX-License-Identifier: Apache-2.0
"""RViz: a configuration with the pictures of every camera."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

from seg_node.interface import topics

from .site import yaml_file

if TYPE_CHECKING:
    from .site import Site

__all__ = ['rviz_files']

WORDS = """\
RViz configuration for bundle {bundle} of seg_node: rviz2 -d seg_node.rviz
A display that is not enabled is no subscriber, so seg_node computes nothing for it. The mask
itself looks black, because its class ids are taken for grey levels; look at color or overlay.
"""
PICTURES = {topics.OVERLAY: True, topics.COLOR: False, topics.DRIVABLE_AREA: False}
"""Whether each display is enabled at the start."""


def rviz_files(site: Site) -> dict[str, str]:
    """Return the files for RViz, by name."""
    displays = [
        _image(f'{source} {name.rpartition("/")[2]}', site.topic(camera, name), enabled=enabled)
        for source, camera in site.sources().items()
        for name, enabled in PICTURES.items()
    ]
    manager = {
        'Class': '',
        'Displays': displays,
        'Enabled': True,
        'Global Options': {
            'Background Color': '48; 48; 48',
            'Fixed Frame': 'map',
            'Frame Rate': 30,
        },
        'Name': 'root',
        'Tools': [{'Class': 'rviz_default_plugins/MoveCamera'}],
        'Value': True,
        'Views': {'Current': {'Class': 'rviz_default_plugins/Orbit', 'Name': 'Current View'}},
    }
    panels = [{'Class': 'rviz_common/Displays', 'Name': 'Displays'}]
    data = {'Panels': panels, 'Visualization Manager': manager}
    return {'seg_node.rviz': yaml_file(WORDS.format(bundle=site.manifest.name), data)}


def _image(name: str, topic: str, *, enabled: bool) -> dict[str, Any]:
    return {
        'Class': 'rviz_default_plugins/Image',
        'Enabled': enabled,
        'Max Value': 1,
        'Median window': 5,
        'Min Value': 0,
        'Name': name,
        'Normalize Range': False,
        'Topic': {
            'Depth': 1,
            'Durability Policy': 'Volatile',
            'History Policy': 'Keep Last',
            'Reliability Policy': 'Reliable',
            'Value': topic,
        },
        'Value': enabled,
    }
