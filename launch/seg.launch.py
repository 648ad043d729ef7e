# SPDX-License-Identifier: Apache-2.0
"""Start the segmentation node: ``ros2 launch seg_node seg.launch.py image:=/front/image_raw``.

Several cameras on one node: ``cameras:=front=/front/image_raw,left=/left/image_raw``.

An argument that is left empty changes nothing: the value then comes from ``params_file``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from launch import LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    LogInfo,
    OpaqueFunction,
    SetEnvironmentVariable,
)
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from seg_node.ros.transport import use_shared_memory_profile

SHARE = Path(__file__).parent.parent
RESPAWN_DELAY_S = 2.0

# name, default, description
ARGUMENTS = (
    ('image', 'image', 'Camera image topic, without /compressed'),
    ('cameras', '', 'Several cameras instead: front=/front/image_raw,left=/left/image_raw'),
    ('image_transport', '', 'raw or compressed'),
    ('bundle', '', 'Model bundle: a name that comes with the package, or a folder'),
    ('engine', '', 'Inference back end: auto, onnxruntime, openvino, tensorrt, torch or fake'),
    ('namespace', '', 'Namespace of the node and of its topics'),
    ('name', 'seg_node', 'Name of the node'),
    ('params_file', str(SHARE / 'config' / 'seg.params.yaml'), 'Parameters of the node'),
    ('use_sim_time', 'false', 'Take the time from /clock: for bags and simulation'),
    ('autostart', '', 'true: configure and activate at once; false: wait for a manager'),
    ('respawn', 'false', 'true: start the node again 2 s after its process has ended by itself'),
    ('log_level', 'info', 'debug, info, warn, error or fatal'),
)
# Forwarded as parameters where they are given.
PARAMETERS = {
    'image_transport': str,
    'bundle': str,
    'engine': str,
    'autostart': bool,
    'use_sim_time': bool,
}


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments and start the node with them."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, default, description in ARGUMENTS
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=start)])


def start(context: LaunchContext) -> list[Any]:
    """Return the actions for the arguments as they were given."""
    given = {name: LaunchConfiguration(name).perform(context) for name, _, _ in ARGUMENTS}
    parameters = {
        name: ParameterValue(LaunchConfiguration(name), value_type=kind)
        for name, kind in PARAMETERS.items()
        if given[name]
    }
    topics = camera_topics(given['cameras'])
    if topics:
        parameters['cameras'] = list(topics)
    node = Node(
        package='seg_node',
        executable='seg_node',
        name=given['name'],
        namespace=given['namespace'],
        parameters=[given['params_file'], parameters],
        remappings=[
            ('image', given['image']),
            *((f'{name}/image', topic) for name, topic in topics.items() if topic),
        ],
        ros_arguments=['--log-level', given['log_level']],
        respawn=given['respawn'] == 'true',
        respawn_delay=RESPAWN_DELAY_S,
        output='screen',
        emulate_tty=True,
    )
    return [*shared_memory_profile(context), node]


def camera_topics(text: str) -> dict[str, str]:
    """Return the image topic of each camera by name; empty where it is not given.

    Args:
        text: ``name=topic`` or ``name``, separated by commas.
    """
    cameras = {}
    for one in filter(None, text.replace(' ', '').split(',')):
        name, _, topic = one.partition('=')
        if name in cameras:
            msg = f'Argument cameras names {name!r} twice: {text!r}.'
            raise ValueError(msg)
        cameras[name] = topic
    return cameras


def shared_memory_profile(context: LaunchContext) -> list[Any]:
    """Let everything that is launched after this move large images, unless the user chose."""
    before = {**os.environ, **context.environment}
    after = dict(before)
    profile = use_shared_memory_profile(after)
    added = [SetEnvironmentVariable(name, path) for name, path in after.items() - before.items()]
    return [LogInfo(msg=f'Fast DDS profile: {profile}'), *added]
