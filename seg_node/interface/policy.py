# SPDX-License-Identifier: Apache-2.0
"""The SROS 2 policy of the node: what it may publish, subscribe and serve, and nothing else.

``python -m seg_node.interface.policy > config/sros2/seg_node.policy.xml`` prints it from
``TOPICS``; options set namespace, name, camera topics and names of cameras as they are on the
vehicle. The format is that of ``policy.xsd`` 0.2.0 in the package sros2; how to use it is in
``docs/security.md``.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from seg_node.interface.topics import CAMERA_INFO_IN, COMPRESSED_SUFFIX, IMAGE, TOPICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ['main', 'policy']

VERSION = '0.2.0'
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
    cameras: Sequence[str] = ('',),
) -> str:
    """Return the policy as XML.

    Args:
        namespace: Of the node, from ``/``.
        name: Of the node.
        image: Topic that ``image`` is remapped to, relative or from ``/``.
        cameras: Names of the cameras; one without a name is the single camera.
    """
    tree = ET.Element('policy', version=VERSION)
    enclave = ET.SubElement(ET.SubElement(tree, 'enclaves'), 'enclave', path=f'/{name}')
    profile = ET.SubElement(ET.SubElement(enclave, 'profiles'), 'profile', ns=namespace, node=name)
    outputs = [one.name.replace(CLASS, ANY) for one in TOPICS if one.direction != 'in']
    inputs = _inputs(image)
    _add(profile, 'topic', 'publish', [*PUBLISHED, *_of_each(cameras, outputs)])
    _add(profile, 'topic', 'subscribe', [*SUBSCRIBED, *_of_each(cameras, inputs)])
    _add(profile, 'service', 'reply', SERVED)
    ET.indent(tree)
    return ET.tostring(tree, encoding='unicode') + '\n'


def _inputs(image: str) -> list[str]:
    """Return what is subscribed to, where ``image`` is remapped to a topic."""
    info = f'{image.rpartition("/")[0]}/{CAMERA_INFO_IN}' if '/' in image else CAMERA_INFO_IN
    return [image, image + COMPRESSED_SUFFIX, info]


def _of_each(cameras: Sequence[str], names: Iterable[str]) -> list[str]:
    """Return topic names below each camera; those from ``/`` are the same for all."""
    listed = list(names)
    prefixes = [f'{camera}/' if camera else '' for camera in cameras]
    below = [prefix + one for prefix in prefixes for one in listed if not one.startswith('/')]
    return [*(one for one in listed if one.startswith('/')), *below]


def _add(profile: ET.Element, kind: str, right: str, names: Iterable[str]) -> None:
    """Allow a right for some topics or services."""
    group = ET.SubElement(profile, f'{kind}s', {right: 'ALLOW'})
    for name in sorted(set(names)):
        ET.SubElement(group, kind).text = name


def main(argv: Sequence[str] | None = None) -> int:
    """Print the policy."""
    parser = argparse.ArgumentParser(prog='policy', description='Print the SROS 2 policy.')
    parser.add_argument('--namespace', default='/', help='of the node (default: /)')
    parser.add_argument('--name', default='seg_node', help='of the node (default: seg_node)')
    parser.add_argument('--image', default=IMAGE, help='topic that image is remapped to')
    parser.add_argument('--cameras', nargs='+', default=[''], help='names, where it has several')
    args = parser.parse_args(argv)
    text = policy(args.namespace, args.name, args.image, args.cameras)
    sys.stdout.write(HEADER + NOTE + text)
    return 0


if __name__ == '__main__':
    sys.exit(main())
