# SPDX-License-Identifier: Apache-2.0
"""Whether Python's ROS messages look at each element that is assigned to them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from .finding import Finding

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ['look_at_messages']

VARIABLE = 'ROS_PYTHON_CHECK_FIELDS'
ON = '1'  # any other value is "off" for the generated messages
NAME = 'element checks'


def look_at_messages(environment: Mapping[str, str]) -> Finding:
    """Return whether messages of a process of this shell check their elements.

    Args:
        environment: Variables of the shell.
    """
    code = _generated()
    if code and VARIABLE not in code:
        return Finding(
            'note',
            NAME,
            f'messages of this release do not read {VARIABLE} and may always check each byte of '
            'an image; seg_node assigns arrays, which are not looked through',
            'in a camera driver in Python, assign array.array("B", ...) to message.data',
        )
    if environment.get(VARIABLE) == ON:
        return Finding(
            'warn',
            NAME,
            f'{VARIABLE}=1: "message.data = bytes" looks at each byte, hundreds of ms for an '
            'image of 1920x1080; seg_node assigns arrays, which are not looked through',
            f'unset {VARIABLE}, then start the camera and all nodes in Python again: it is read '
            'once, at their start',
        )
    return Finding('ok', NAME, 'off')


def _generated() -> str:
    """Return the code of the image message; empty where there is none to read."""
    spec = find_spec('sensor_msgs')
    for folder in (spec and spec.submodule_search_locations) or ():
        try:
            return Path(folder, 'msg', '_image.py').read_text(encoding='utf-8')
        except (OSError, UnicodeDecodeError):  # noqa: PERF203  # one folder, as a rule
            continue
    return ''
