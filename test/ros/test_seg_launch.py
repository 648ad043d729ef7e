# SPDX-License-Identifier: Apache-2.0
"""The launch file: described arguments, each of which reaches the node.

The launch libraries are not on PyPI. Most tests run the file with stand-ins that record what they
are given; the last one runs it with the real libraries where they are installed.
"""

from __future__ import annotations

from importlib.util import find_spec, module_from_spec, spec_from_file_location
from itertools import pairwise
from pathlib import Path
import re
import sys
from types import ModuleType, SimpleNamespace
from typing import Any, TYPE_CHECKING

import pytest
import yaml

from seg_node.engines.registry import ENGINES
from seg_node.ros.parameters.table import find_spec as find_parameter
from seg_node.ros.transport import PROFILE_VARIABLES
from seg_node.ros.transport.shared_memory import Room

if TYPE_CHECKING:
    from collections.abc import Callable

    Launch = Callable[..., 'list[Any]']

LAUNCH_FILE = Path(__file__).parents[2] / 'launch' / 'seg.launch.py'
# What each argument does to the node, given a value: (value, where it goes, what stands there).
FORWARDED = {
    'image': ('/cam/raw', 'remappings', [('image', '/cam/raw')]),
    'cameras': ('front', 'parameter', ['front']),
    'image_transport': ('compressed', 'parameter', 'compressed'),
    'bundle': ('/models/mine', 'parameter', '/models/mine'),
    'engine': ('fake', 'parameter', 'fake'),
    'namespace': ('front', 'namespace', 'front'),
    'name': ('eyes', 'name', 'eyes'),
    'params_file': ('/my.yaml', 'parameter file', '/my.yaml'),
    'use_sim_time': ('true', 'parameter', True),
    'autostart': ('false', 'parameter', False),
    'respawn': ('true', 'respawn', True),
    'log_level': ('debug', 'ros_arguments', ['--log-level', 'debug']),
}


class Recorder(SimpleNamespace):
    """Stands in for a launch class: keeps the arguments of its constructor."""

    def __init__(self, *words: Any, **named: Any) -> None:
        """Keep them."""
        super().__init__(words=words, **named)


class FakeConfiguration:
    """Stands in for ``LaunchConfiguration``."""

    def __init__(self, name: str) -> None:
        """Remember which argument is meant."""
        self.name = name

    def perform(self, context: Any) -> str:
        """Return its value."""
        return str(context.launch_configurations[self.name])


def load(folder: Path = LAUNCH_FILE) -> Any:
    """Execute the launch file as a module."""
    spec = spec_from_file_location('seg_launch', folder)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the launch libraries."""

    def install(name: str, **classes: Any) -> None:
        module = ModuleType(name)
        vars(module).update(classes)
        monkeypatch.setitem(sys.modules, name, module)

    install('launch', LaunchContext=Recorder, LaunchDescription=Recorder)
    names = ('DeclareLaunchArgument', 'LogInfo', 'OpaqueFunction', 'SetEnvironmentVariable')
    install('launch.actions', **dict.fromkeys(names, Recorder))
    install('launch.substitutions', LaunchConfiguration=FakeConfiguration)
    install('launch_ros')
    install('launch_ros.actions', Node=Recorder)
    install('launch_ros.parameter_descriptions', ParameterValue=Recorder)
    monkeypatch.setattr('importlib.metadata.version', lambda _: '9.1.2')
    for name in PROFILE_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def launch(stand_ins: None) -> Launch:  # noqa: ARG001  # a fixture that only installs
    """Return a function that gives the actions for some arguments."""

    def actions(environment: dict[str, str] | None = None, **given: str) -> list[Any]:
        module = load()
        defaults = {name: default for name, default, _ in module.ARGUMENTS}
        context = SimpleNamespace(
            launch_configurations={**defaults, **given}, environment=environment or {}
        )
        started: list[Any] = module.start(context)
        for one in started:
            resolve(one, context)
        return started

    return actions


def resolve(action: Any, context: Any) -> None:
    """Replace parameter values by what launch would make of them."""
    if not hasattr(action, 'parameters'):
        return
    values = action.parameters[-1]
    for name, one in values.items():
        if name == 'cameras':
            continue  # given as it is
        text = one.words[0].perform(context)
        values[name] = text if one.value_type is str else yaml.safe_load(text)
        assert type(values[name]) is one.value_type


def where(node: Any, place: str, name: str) -> Any:
    """Return what stands in a place of the node's description."""
    if place == 'parameter':
        return node.parameters[-1][name]
    if place == 'parameter file':
        return node.parameters[0]
    return getattr(node, place)


@pytest.mark.parametrize('name', FORWARDED)
def test_argument_reaches_the_node(name: str, launch: Launch) -> None:
    value, place, expected = FORWARDED[name]

    node = launch(**{name: value})[-1]

    assert where(node, place, name) == expected


@pytest.mark.usefixtures('stand_ins')
def test_every_argument_is_forwarded_and_described() -> None:
    module = load()

    declared = module.generate_launch_description().words[0][:-1]

    assert [one.words[0] for one in declared] == list(FORWARDED)
    assert all(len(one.description) > 5 for one in declared)


def test_nothing_but_the_node_itself_makes_transitions(launch: Launch) -> None:
    actions = launch(autostart='false')

    nodes = [one for one in actions if hasattr(one, 'executable')]
    assert [one.executable for one in nodes] == ['seg_node']
    assert nodes[0].parameters[-1]['autostart'] is False
    assert nodes[0].respawn is False
    text = LAUNCH_FILE.read_text(encoding='utf-8')
    assert not re.search('(?i)lifecycle|ChangeState|EmitEvent', text)


@pytest.mark.usefixtures('stand_ins')
def test_description_of_engine_names_them_all() -> None:
    words = {name: description for name, _, description in load().ARGUMENTS}

    assert all(name in words['engine'] for name in ('auto', *ENGINES))


@pytest.mark.usefixtures('stand_ins')
def test_forwarded_parameters_exist_with_that_type() -> None:
    for name, kind in load().PARAMETERS.items():
        spec = find_parameter(name)
        assert name == 'use_sim_time' or (spec is not None and type(spec.default) is kind), name


def test_each_camera_gets_the_topic_that_is_named_with_it(launch: Launch) -> None:
    node = launch(cameras='front=/cam0/image_raw, left,right=/cam2/image_raw')[-1]

    assert node.parameters[-1]['cameras'] == ['front', 'left', 'right']
    assert node.remappings[1:] == [
        ('front/image', '/cam0/image_raw'),
        ('right/image', '/cam2/image_raw'),
    ]


def test_camera_that_is_named_twice_is_refused(launch: Launch) -> None:
    with pytest.raises(ValueError, match="'front' twice"):
        launch(cameras='front=/a,front=/b')


def test_empty_argument_leaves_the_parameter_file_alone(launch: Launch) -> None:
    node = launch()[-1]

    assert node.parameters[-1] == {'use_sim_time': False}
    assert Path(node.parameters[0]).is_file()
    assert (node.package, node.executable) == ('seg_node', 'seg_node')


def test_profile_is_set_for_all_that_is_launched_later(launch: Launch) -> None:
    _, variable, node = launch()

    name, path = variable.words
    assert name == 'FASTDDS_DEFAULT_PROFILES_FILE'
    assert Path(path).is_file()
    assert node.executable == 'seg_node'


@pytest.mark.parametrize('name', PROFILE_VARIABLES)
def test_profile_of_the_user_is_left_alone(name: str, launch: Launch) -> None:
    said, node = launch({name: '/my/profile.xml'})

    assert said.msg == f'Fast DDS profile: {name}=/my/profile.xml (already set)'
    assert node.executable == 'seg_node'


def test_small_profile_is_set_where_shared_memory_is_small(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('seg_node.ros.transport.profile.room', lambda: Room(64 << 20, 60 << 20))

    said, variable, _ = launch()

    assert Path(variable.words[1]).name == 'fastdds_small_shm.xml'
    assert '60 of 64' not in said.msg  # megabytes, not mebibytes
    assert '63 of 67 MB free' in said.msg


@pytest.mark.parametrize('name', ['RMW_IMPLEMENTATION', 'ROS_DOMAIN_ID', 'ROS_LOCALHOST_ONLY'])
def test_ros_settings_of_the_user_are_left_alone(name: str, launch: Launch) -> None:
    _, variable, _ = launch({name: 'mine'})

    assert variable.words[0] in PROFILE_VARIABLES


@pytest.mark.skipif(not find_spec('launch_ros'), reason='launch_ros is not installed')
def test_real_launch_starts_the_executable_with_all_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from launch.actions import IncludeLaunchDescription  # noqa: PLC0415
    from launch.launch_description_sources import (  # noqa: PLC0415
        PythonLaunchDescriptionSource,
    )
    from launch.launch_service import LaunchService  # noqa: PLC0415

    said = executable_that_writes_its_arguments(tmp_path)
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path), prepend=':')
    monkeypatch.setenv('ROS_LOG_DIR', str(tmp_path / 'log'))
    given = {name: value for name, (value, _, _) in FORWARDED.items() if name != 'params_file'}
    service = LaunchService(noninteractive=True)
    service.include_launch_description(
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(str(LAUNCH_FILE)), launch_arguments=given.items()
        )
    )

    assert service.run() == 0

    words = said.read_text(encoding='utf-8').splitlines()
    for word in ('debug', '__node:=eyes', '__ns:=/front', 'image:=/cam/raw'):
        assert word in words
    files = [Path(word) for before, word in pairwise(words) if before == '--params-file']
    values = yaml.safe_load(files[1].read_text(encoding='utf-8'))['/front/eyes']['ros__parameters']
    expected = {name: one[2] for name, one in FORWARDED.items() if one[1] == 'parameter'}
    assert values == expected


def executable_that_writes_its_arguments(prefix: Path) -> Path:
    """Install a package seg_node whose executable only writes its words, and return where."""
    index = prefix / 'share' / 'ament_index' / 'resource_index' / 'packages'
    folder = prefix / 'lib' / 'seg_node'
    for one in (index, folder):
        one.mkdir(parents=True)
    (index / 'seg_node').touch()
    said = prefix / 'words.txt'
    script = folder / 'seg_node'
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {said}\n', encoding='utf-8')
    script.chmod(0o755)
    return said
