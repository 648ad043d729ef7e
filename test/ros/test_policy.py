# SPDX-License-Identifier: Apache-2.0
"""The SROS 2 policy allows what the node does, in the form that sros2 reads."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from seg_node.interface.policy import main, policy
from seg_node.interface.topics import TOPICS

if TYPE_CHECKING:
    from collections.abc import Callable

    from ros.rig import Rig

SHIPPED = Path(__file__).parents[2] / 'config' / 'sros2' / 'seg_node.policy.xml'
# policy.xsd 0.2.0: the elements below each, their attributes, and those that must be there.
BELOW = {
    'policy': {'enclaves'},
    'enclaves': {'enclave'},
    'enclave': {'profiles'},
    'profiles': {'profile', 'metadata'},
    'profile': {'topics', 'services', 'actions'},
    'topics': {'topic'},
    'services': {'service'},
    'topic': set(),
    'service': set(),
}
REQUIRED = {'policy': {'version'}, 'enclave': {'path'}, 'profile': {'ns', 'node'}}
RIGHTS = {'topics': {'publish', 'subscribe'}, 'services': {'reply', 'request'}}


def parsed(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314  # our own


def allowed(text: str, right: str) -> set[str]:
    """Return the names that a right is given for, as they stand."""
    groups = [one for one in parsed(text).iter() if one.get(right) == 'ALLOW']
    return {str(name.text) for group in groups for name in group}


def full(name: str, namespace: str, node: str) -> str:
    """Return the full name, as permissions.xsl of sros2 forms it."""
    base = namespace.rstrip('/')
    if name.startswith('/'):
        return name
    return f'{base}/{node}{name[1:]}' if name.startswith('~') else f'{base}/{name}'


def test_shipped_policy_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out == SHIPPED.read_text(encoding='utf-8')


@pytest.mark.parametrize('options', [[], ['--cameras', 'a', 'b=/b/raw', '--namespace', '/car']])
def test_policy_keeps_the_rules_of_its_schema(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    main(options)
    tree = parsed(capsys.readouterr().out)

    assert tree.tag == 'policy'
    assert tree.get('version') == '0.2.0'
    for element in tree.iter():
        assert {one.tag for one in element} <= BELOW[element.tag]
        assert len(element) or not BELOW[element.tag], f'{element.tag} is empty'
        rights = RIGHTS.get(element.tag, set())
        given = set(element.keys())
        assert REQUIRED.get(element.tag, set()) <= given
        assert given <= REQUIRED.get(element.tag, set()) | rights
        assert {element.get(name) for name in given & rights} <= {'ALLOW', 'DENY'}


def test_every_output_may_be_published_and_nothing_of_it_subscribed() -> None:
    text = policy()
    outputs = {one.name.replace('<class>', '*') for one in TOPICS if one.direction != 'in'}

    assert outputs <= allowed(text, 'publish')
    assert outputs.isdisjoint(allowed(text, 'subscribe'))
    assert not allowed(text, 'request')


def test_remapped_image_brings_its_camera_info_and_its_compressed_form() -> None:
    assert {'/front/image_raw', '/front/image_raw/compressed', '/front/camera_info'} <= allowed(
        policy(image='/front/image_raw'), 'subscribe'
    )


def test_each_camera_has_its_topics_below_its_name_and_diagnostics_are_shared() -> None:
    names = allowed(policy(cameras={'front': '', 'left': ''}), 'publish')

    assert {'front/segmentation/mask', 'left/segmentation/mask', '/diagnostics'} <= names
    assert 'segmentation/mask' not in names


@pytest.mark.parametrize(
    'words',
    [
        ['front=/cam0/image_raw', 'left'],
        ['front=/cam0/image_raw,left'],
        ['front=/cam0/image_raw, left'],
    ],
)
def test_cameras_are_given_as_to_the_launch_file(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    main(['--namespace', '/car', '--cameras', *words])
    text = capsys.readouterr().out

    inputs = allowed(text, 'subscribe') - {'/clock', '/parameter_events'}
    assert inputs == {
        *('/cam0/image_raw', '/cam0/image_raw/compressed', '/cam0/camera_info'),
        *('left/image', 'left/image/compressed', 'left/camera_info'),
    }
    assert {'front/segmentation/mask', 'left/segmentation/mask'} <= allowed(text, 'publish')


@pytest.mark.parametrize(
    ('options', 'complaint'),
    [
        (['--namespace', 'car'], "expected / or the form /robot, not 'car'"),
        (['--namespace', '/car/'], "expected / or the form /robot, not '/car/'"),
        (['--cameras', '/front'], "'/front' cannot be the name of a camera"),
        (['--cameras', 'front', 'front=/a'], "'front' is named twice"),
    ],
)
def test_names_that_the_node_cannot_have_are_refused(
    options: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(options)

    assert caught.value.code == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.needs_ros
@pytest.mark.needs_onnx
@pytest.mark.needs_onnxruntime
@pytest.mark.parametrize(
    ('kind', 'right'),
    [('publisher', 'publish'), ('subscriber', 'subscribe'), ('service', 'reply')],
)
def test_running_node_does_nothing_that_the_policy_does_not_allow(
    kind: str, right: str, rig: Rig
) -> None:
    rig.until(lambda: len(used(rig, kind)) > 1, f'{kind} of the node are known')

    rules = policy(rig.node.get_namespace(), rig.node.get_name())

    assert not used(rig, kind) - covered(rig, rules, kind, right)


@pytest.mark.needs_ros
@pytest.mark.needs_onnx
@pytest.mark.needs_onnxruntime
def test_node_with_several_cameras_does_nothing_that_the_policy_does_not_allow(
    make_rig: Callable[..., Rig],
) -> None:
    topic = '/drivers/cam0/image_raw'
    rig = make_rig(cameras=['front', 'left'], camera__front__image_topic=topic)
    rig.until(lambda: topic in used(rig, 'subscriber'), 'the subscription of front is known')
    rig.until(lambda: len(used(rig, 'publisher')) > 1, 'publishers of the node are known')

    rules = policy(
        rig.node.get_namespace(), rig.node.get_name(), cameras={'front': topic, 'left': ''}
    )

    for kind, right in (('publisher', 'publish'), ('subscriber', 'subscribe')):
        assert not used(rig, kind) - covered(rig, rules, kind, right)


def used(rig: Rig, kind: str) -> set[str]:
    """Return the full names of what the running node has of a kind."""
    ask = getattr(rig.client, f'get_{kind}_names_and_types_by_node')
    return {one for one, _ in ask(rig.node.get_name(), rig.node.get_namespace())}


def covered(rig: Rig, text: str, kind: str, right: str) -> set[str]:
    """Return which of these a policy allows."""
    name, namespace = rig.node.get_name(), rig.node.get_namespace()
    rules = [full(one, namespace, name) for one in allowed(text, right)]
    return {one for one in used(rig, kind) if any(fnmatchcase(one, rule) for rule in rules)}
