# SPDX-License-Identifier: Apache-2.0
"""What files are generated for: a bundle, cameras and where their topics are."""

from __future__ import annotations

from dataclasses import dataclass
import re
from typing import TYPE_CHECKING

import yaml

from seg_node.errors import ParameterError
from seg_node.interface.topics import IMAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seg_node.bundle import Manifest

__all__ = ['Site', 'commented', 'yaml_file']

NAME = re.compile('[A-Za-z][A-Za-z0-9_]*')
NAMESPACE = re.compile('(/[A-Za-z][A-Za-z0-9_]*)*')
TOPIC = re.compile('/?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*')
UNNAMED = 'camera'


@dataclass(frozen=True, slots=True)
class Site:
    """Where the node runs, and for what.

    Attributes:
        manifest: Of the bundle that the node runs.
        cameras: Names as in the parameter ``cameras``; one empty name for a node with one camera.
        namespace: Of the node, ``'/robot'`` or empty.
        factor: Of the decimated images.
        clouds: Topic of each camera's point cloud, below the camera's namespace. From ``/`` it is
            that of the only camera.

    Raises:
        ParameterError: If a name is not legal or occurs twice, or cameras would share clouds.
    """

    manifest: Manifest
    cameras: tuple[str, ...] = ('',)
    namespace: str = ''
    factor: int = 4
    clouds: str = 'depth/points'

    def __post_init__(self) -> None:
        """Refuse names that no topic can have."""
        wrong = [name for name in self.cameras if not NAME.fullmatch(name)]
        if wrong and self.cameras != ('',):
            msg = f'Cameras {wrong!r} cannot be parts of topics; expected letters, digits and _.'
            raise ParameterError(msg)
        if len(set(self.cameras)) < len(self.cameras):
            msg = f'Cameras {list(self.cameras)!r} repeat a name; give each camera its own.'
            raise ParameterError(msg)
        if not NAMESPACE.fullmatch(self.namespace):
            msg = (
                f'Namespace {self.namespace!r} is not legal; expected the form /robot or nothing.'
            )
            raise ParameterError(msg)
        self._check_clouds()

    def _check_clouds(self) -> None:
        """Refuse a topic of clouds that cannot be, or that is another camera's."""
        if not TOPIC.fullmatch(self.clouds):
            msg = (
                f'Topic of the clouds {self.clouds!r} is not legal; expected for example '
                'depth/points, below the namespace of the camera, or /depth/points.'
            )
            raise ParameterError(msg)
        if self.clouds.startswith('/') and len(self.cameras) > 1:
            msg = (
                f'Topic of the clouds is {self.clouds!r}: all {len(self.cameras)} cameras would '
                'get the same clouds. Give a name without / at its begin, which is looked for '
                'below the namespace of each camera, or generate files for one camera.'
            )
            raise ParameterError(msg)

    def topic(self, camera: str, name: str) -> str:
        """Return the absolute name of a topic of one camera; an absolute one stays."""
        parts = (self.namespace.lstrip('/'), camera, name)
        return name if name.startswith('/') else '/' + '/'.join(part for part in parts if part)

    def sources(self) -> dict[str, str]:
        """Return a name for each camera that is never empty, and the camera."""
        return {camera or UNNAMED: camera for camera in self.cameras}

    def start_command(self, parameters: str) -> str:
        """Return the command that starts the node, with the image topics to be changed.

        Args:
            parameters: Name of its parameter file.
        """
        lines = [f'ros2 run seg_node seg_node --ros-args --params-file {parameters}']
        lines += [f'-r __ns:={self.namespace}'] if self.namespace else []
        for camera in self.cameras:
            name = f'{camera}/{IMAGE}' if camera else IMAGE
            lines.append(f'-r {name}:={self.topic(camera, IMAGE)}')
        return ' \\\n    '.join(lines)

    def node_parameters(self, values: Mapping[str, object]) -> dict[str, object]:
        """Return parameters of the node, with its cameras, in the form of a parameter file.

        Args:
            values: Nested by group.
        """
        cameras = {} if self.cameras == ('',) else {'cameras': list(self.cameras)}
        return {'/**': {'ros__parameters': {**cameras, **values}}}


def commented(text: str, mark: str = '#') -> str:
    """Return lines of words as comments."""
    return ''.join(f'{mark} {line}'.rstrip() + '\n' for line in text.strip().splitlines())


def yaml_file(words: str, data: Mapping[str, object]) -> str:
    """Return a YAML file with an explanation at its top."""
    body = yaml.safe_dump(dict(data), sort_keys=False, default_flow_style=None, width=99)
    return commented(words) + body
