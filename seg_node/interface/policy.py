# SPDX-License-Identifier: Apache-2.0
"""The SROS 2 policy of the node: what it may publish, subscribe and serve, and nothing else.

``python -m seg_node.interface.policy > config/sros2/seg_node.policy.xml`` prints it from
``TOPICS``; options set namespace, name, cameras and their topics as they are on the
vehicle. The format is that of ``policy.xsd`` 0.2.0 in the package sros2; how to use it is in
``docs/security.md``.
"""

from __future__ import annotations

import argparse
import re
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from seg_node.interface.topics import CAMERA_INFO_IN, COMPRESSED_SUFFIX, IMAGE, TOPICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ['main', 'policy']

VERSION = '0.2.0'
NAME = re.compile('[A-Za-z][A-Za-z0-9_]*')
NAMESPACE = re.compile('/|(/[A-Za-z_][A-Za-z0-9_]*)+')
ONE_CAMERA = MappingProxyType({'': ''})
CLASS = '<class>'
ANY = '*'
HEADER = '<?xml version="1.0" encoding="UTF-8"?>\n<!-- SPDX-License-Identifier: Apache-2.0 -->\n'
NOTE = '<!-- Printed by python -m seg_node.interface.policy, see docs/security.md -->\n'
# What every node has, and what a managed one has besides.
PUBLISHED = ('/parameter_events', '/rosout', '~/transition_event')
SUBSCRIBED = ('/clock', '/parameter_events')
SERVED = (
    '~/change_state',
    '~/describe_parameters',
    '~/enable',
    '~/get_available_states',
    '~/get_available_transitions',
    '~/get_parameter_types',
    '~/get_parameters',
    '~/get_state',
    '~/get_transition_graph',
    '~/get_type_description',
    '~/list_parameters',
    '~/save_snapshot',
    '~/set_parameters',
    '~/set_parameters_atomically',
)


def policy(
    namespace: str = '/',
    name: str = 'seg_node',
    image: str = IMAGE,
    cameras: Mapping[str, str] = ONE_CAMERA,
) -> str:
    """Return the policy as XML.

    Args:
        namespace: Of the node, from ``/``.
        name: Of the node.
        image: Topic that ``image`` is remapped to, relative or from ``/``.
        cameras: Image topic of each camera by its name, empty for ``image`` below the name; one
            without a name is the single camera.
    """
    tree = ET.Element('policy', version=VERSION)
    enclave = ET.SubElement(ET.SubElement(tree, 'enclaves'), 'enclave', path=f'/{name}')
    profile = ET.SubElement(ET.SubElement(enclave, 'profiles'), 'profile', ns=namespace, node=name)
    outputs = [one.name.replace(CLASS, ANY) for one in TOPICS if one.direction != 'in']
    images = [topic or _below(camera, [image])[0] for camera, topic in cameras.items()]
    inputs = [name for topic in images for name in _inputs(topic)]
    _add(
        profile,
        'topic',
        'publish',
        [*PUBLISHED, *(one for camera in cameras for one in _below(camera, outputs))],
    )
    _add(profile, 'topic', 'subscribe', [*SUBSCRIBED, *inputs])
    _add(profile, 'service', 'reply', SERVED)
    ET.indent(tree)
    return ET.tostring(tree, encoding='unicode') + '\n'


def _inputs(image: str) -> list[str]:
    """Return what is subscribed to, where ``image`` is remapped to a topic."""
    info = f'{image.rpartition("/")[0]}/{CAMERA_INFO_IN}' if '/' in image else CAMERA_INFO_IN
    return [image, image + COMPRESSED_SUFFIX, info]


def _below(camera: str, names: Iterable[str]) -> list[str]:
    """Return topic names below a camera; those from ``/`` stay."""
    prefix = f'{camera}/' if camera else ''
    return [one if one.startswith('/') else prefix + one for one in names]


def _add(profile: ET.Element, kind: str, right: str, names: Iterable[str]) -> None:
    """Allow a right for some topics or services."""
    group = ET.SubElement(profile, f'{kind}s', {right: 'ALLOW'})
    for name in sorted(set(names)):
        ET.SubElement(group, kind).text = name


def _namespace(text: str) -> str:
    if not NAMESPACE.fullmatch(text):
        msg = f'expected / or the form /robot, not {text!r}'
        raise argparse.ArgumentTypeError(msg)
    return text


def _cameras(words: Iterable[str]) -> dict[str, str]:
    """Return image topics by camera, from words as the launch file takes them."""
    cameras: dict[str, str] = {}
    for one in filter(None, ','.join(words).replace(' ', '').split(',')):
        name, _, topic = one.partition('=')
        if not NAME.fullmatch(name):
            msg = f'{name!r} cannot be the name of a camera; expected letters, digits and _'
            raise ValueError(msg)
        if name in cameras:
            msg = f'{name!r} is named twice; give each camera its own name'
            raise ValueError(msg)
        cameras[name] = topic
    return cameras


def main(argv: Sequence[str] | None = None) -> int:
    """Print the policy."""
    parser = argparse.ArgumentParser(prog='policy', description='Print the SROS 2 policy.')
    parser.add_argument('--namespace', type=_namespace, default='/', help='(default: /)')
    parser.add_argument('--name', default='seg_node', help='of the node (default: seg_node)')
    parser.add_argument('--image', default=IMAGE, help='topic that image is remapped to')
    parser.add_argument(
        '--cameras',
        metavar='NAME=TOPIC',
        nargs='+',
        default=[],
        help='where it has several: names, and the image topic of each unless it is NAME/image',
    )
    args = parser.parse_args(argv)
    try:
        cameras = _cameras(args.cameras) or ONE_CAMERA
    except ValueError as err:
        parser.error(str(err))
    text = policy(args.namespace, args.name, args.image, cameras)
    sys.stdout.write(HEADER + NOTE + text)
    return 0


if __name__ == '__main__':
    sys.exit(main())
