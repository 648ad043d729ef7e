# SPDX-License-Identifier: Apache-2.0
"""Parameters of the cameras: which there are, and what each can have for itself."""

from __future__ import annotations

from dataclasses import dataclass
import re
from typing import TYPE_CHECKING

from .input import INPUT
from .spec import Spec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    'CAMERAS',
    'OF_ONE_CAMERA',
    'OWN_PREFIX',
    'CamerasParameters',
    'cameras_faults',
    'own_name',
    'setting_faults',
]

QUARTER_TURN = 90
OWN_PREFIX = 'camera.'
NAME = re.compile('[A-Za-z][A-Za-z0-9_]*')
TOPIC = re.compile('(~/|/)?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*')

OWN: tuple[Spec, ...] = (
    Spec(
        'image_topic',
        '',
        'Topic of the images, without /compressed, for files, in which there are no remappings; '
        'empty takes image, which remappings move',
        change='configure',
    ),
    Spec(
        'rotation',
        0,
        'Clockwise turn that makes the image upright: 0, 90, 180 or 270; the results are turned '
        'back, so that every output has the geometry of the incoming image',
        unit='degrees',
        bounds=(0, 270),
        change='configure',
    ),
    Spec(
        'own_vehicle_mask',
        '',
        'Path of a grey PNG of the size of the incoming images: pixels that are not 0 show the '
        'own vehicle or the lens and become unlabelled, never drivable, with confidence and '
        'entropy 0',
        change='configure',
    ),
    Spec(
        'deadline',
        0.0,
        'Drop a frame that has waited longer than this for its turn, counted from its arrival; 0 '
        'sets no limit',
        unit='s',
        bounds=(0.0, 60.0),
    ),
)

CAMERAS: tuple[Spec, ...] = (
    Spec(
        'cameras',
        ('',),
        'Names of the cameras, each the namespace of its topics (front/image, '
        'front/segmentation/mask); one empty name is a single camera without a namespace',
        change='start',
    ),
    Spec(
        'batch_slop',
        0.0,
        'Frames of several cameras whose stamps differ by no more than this go through the engine '
        'together, and the first one waits so long for the others; 0 takes each by itself',
        unit='s',
        bounds=(0.0, 1.0),
    ),
    *OWN,
)

OF_ONE_CAMERA: tuple[Spec, ...] = (
    *(spec for spec in INPUT if spec.name == 'image_transport'),
    *OWN,
)
"""With several cameras each has these as ``camera.<name>.<parameter>`` too."""


@dataclass(frozen=True)
class CamerasParameters:
    """Values of ``CAMERAS``."""

    cameras: tuple[str, ...]
    batch_slop: float
    image_topic: str
    rotation: int
    own_vehicle_mask: str
    deadline: float


def own_name(camera: str, parameter: str) -> str:
    """Return the name of a camera's own parameter."""
    return f'{OWN_PREFIX}{camera}.{parameter}'


def cameras_faults(values: Mapping[str, object]) -> list[str]:
    """Return what is wrong with the names and the mounting of these values."""
    names = values.get('cameras', ('',))
    faults = _name_faults(names) if isinstance(names, (list, tuple)) else []
    if names not in (('',), ['']) and values.get('image_topic'):
        faults.append(
            "Parameter 'image_topic' is that of a single camera; with several, set "
            'camera.<name>.image_topic.'
        )
    own = [fault for spec in OWN for fault in setting_faults(spec.name, values.get(spec.name))]
    return [*faults, *own]


def setting_faults(name: str, value: object) -> list[str]:
    """Return what is wrong with a setting of a camera beyond its type and bounds.

    Args:
        name: Of the parameter, with or without a camera.
        value: What it shall be.
    """
    setting = name.rpartition('.')[2]
    if setting == 'rotation' and isinstance(value, int) and value % QUARTER_TURN:
        return [f'Parameter {name!r} is {value!r}; expected 0, 90, 180 or 270 degrees.']
    if setting == 'image_topic' and isinstance(value, str) and not _is_topic(value):
        expected = "expected a topic, for example '/front/image_raw', or nothing."
        return [f'Parameter {name!r} is {value!r}; {expected}']
    return []


def _is_topic(name: str) -> bool:
    return not name or TOPIC.fullmatch(name) is not None


def _name_faults(names: Iterable[object]) -> list[str]:
    found = [str(name) for name in names]
    if found == ['']:
        return []
    wrong = [name for name in found if not NAME.fullmatch(name)]
    twice = sorted({name for name in found if found.count(name) > 1})
    faults = []
    if wrong or not found:
        faults.append(
            f"Parameter 'cameras' is {found}; expected names of letters, digits and _ that begin "
            "with a letter, for example ['front', 'left'], or [''] for one camera without a name."
        )
    if twice:
        faults.append(
            f"Parameter 'cameras' names {twice} twice; each camera has a name of its own."
        )
    return faults
