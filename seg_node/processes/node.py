# SPDX-License-Identifier: Apache-2.0
"""The node as one of the processes: what it needs, how it is started, how it fails."""

from __future__ import annotations

from importlib.util import find_spec
import json
import sys
from typing import TYPE_CHECKING

from seg_node.errors import ProcessError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .crew import Event

__all__ = ['NODE', 'refuse_error', 'require_ros', 'ros_arguments']

NODE = ('-m', 'seg_node.ros.main')
ROS_MODULES = ('rclpy', 'sensor_msgs', 'std_msgs', 'diagnostic_msgs', 'lifecycle_msgs', 'std_srvs')


def require_ros() -> None:
    """Check that the processes will find ROS, without loading it here.

    Raises:
        ProcessError: If a module is missing; says how to get it.
    """
    missing = [name for name in ROS_MODULES if find_spec(name) is None]
    if missing:
        msg = (
            f'This runs a real ROS 2 node, and {sys.executable} has no '
            f'{", ".join(missing)}. With ROS 2 installed: source /opt/ros/<distro>/setup.bash '
            'and use its Python. Without: "make demo" brings ROS from PyPI into .venv.'
        )
        raise ProcessError(msg)


def ros_arguments(namespace: str, parameters: Mapping[str, object]) -> list[str]:
    """Return the part of a node's command line that belongs to ROS.

    Args:
        namespace: Of the node, for example ``'/front'``.
        parameters: Name and value.
    """
    arguments = ['--ros-args', '-r', f'__ns:={namespace}']
    for name, value in parameters.items():
        arguments += ['-p', f'{name}:={json.dumps(value)}']  # JSON is YAML, quotes and all
    return arguments


def refuse_error(event: Event) -> None:
    """Give up when the node says on ``/diagnostics`` that it cannot work.

    Raises:
        ProcessError: With the node's own words.
    """
    for entry in event.details.get('entries', ()):
        if error := entry['values'].get('last_error'):
            msg = f'The node could not start: {error}'
            raise ProcessError(msg)
