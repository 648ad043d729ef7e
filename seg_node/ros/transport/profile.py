# SPDX-License-Identifier: Apache-2.0
"""The Fast DDS profile: shared memory that large images fit into."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
import os
from pathlib import Path
from typing import TYPE_CHECKING

from seg_node.errors import ShareError
from seg_node.share import share_path

from .shared_memory import MEGABYTE, room, SHARED_MEMORY

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

__all__ = [
    'LARGE',
    'PROFILE_VARIABLES',
    'SMALL',
    'Profile',
    'chosen_profile',
    'fitting_profile',
    'other_choice',
    'profile_variables',
    'use_shared_memory_profile',
]

PROFILE_VARIABLES = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
"""Fast DDS 3 (Kilted and later) wants the first and warns of the second; Fast DDS 2 (Humble,
Jazzy) reads only the second."""
TRANSPORTS, DEFAULT = 'FASTDDS_BUILTIN_TRANSPORTS', 'DEFAULT'
PROFILES_IN_FOLDER = ('DEFAULT_FASTDDS_PROFILES.xml', 'DEFAULT_FASTRTPS_PROFILES.xml')
"""Fast DDS reads these in the working directory, unless SKIP_DEFAULT_XML_FILE is 1."""
FIRST_WITH_FASTDDS_3 = 9
"""Major version of rclpy in Kilted; Jazzy has 7."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile that comes with the package.

    Attributes:
        file: Name in ``config``.
        least_free: Shared memory that must be free for it [bytes]. A segment is given its full
            size at once, and a process that gets none falls back to UDP.
    """

    file: str
    least_free: int


# Room for this process and for the one that it talks with.
LARGE = Profile('fastdds_large_images.xml', 2 * 141 * MEGABYTE)
SMALL = Profile('fastdds_small_shm.xml', 18 * MEGABYTE)


def profile_variables() -> tuple[str, ...]:
    """Return the variables that the installed middleware reads; both if that is unknown."""
    try:
        major = int(metadata.version('rclpy').partition('.')[0])
    except (metadata.PackageNotFoundError, ValueError):
        return PROFILE_VARIABLES
    return PROFILE_VARIABLES[:1] if major >= FIRST_WITH_FASTDDS_3 else PROFILE_VARIABLES[1:]


def chosen_profile(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which a user has chosen a profile, with their values."""
    return {name: environment[name] for name in PROFILE_VARIABLES if environment.get(name)}


def other_choice(environment: Mapping[str, str]) -> str:
    """Return what a user has chosen that a profile of ours would overrule; mostly nothing."""
    if environment.get(TRANSPORTS, DEFAULT) != DEFAULT:
        return f'{TRANSPORTS}={environment[TRANSPORTS]}'
    if environment.get('SKIP_DEFAULT_XML_FILE') != '1':
        here = [path for path in map(Path, PROFILES_IN_FOLDER) if path.is_file()]
        return str(here[0].absolute()) if here else ''
    return ''


def use_shared_memory_profile(environment: MutableMapping[str, str] | None = None) -> str:
    """Point Fast DDS to the shipped profile that fits ``/dev/shm``, unless the user chose.

    Must happen before ``rclpy.init``. Other middlewares ignore these variables.

    Args:
        environment: The process's own unless given.

    Returns:
        What is in force now, in words.
    """
    environment = os.environ if environment is None else environment
    chosen = chosen_profile(environment)
    if chosen:
        return ', '.join(f'{name}={path} (already set)' for name, path in chosen.items())
    if other := other_choice(environment):
        return f'none: {other} (already set)'
    profile, why = fitting_profile()
    if profile is None:
        return f'none: {why}'
    try:
        path = str(share_path('config', profile.file))
    except ShareError as err:
        return f'none: {err}'
    environment.update(dict.fromkeys(profile_variables(), path))
    return f'{path} ({why})' if why else path


def fitting_profile() -> tuple[Profile | None, str]:
    """Return the largest profile that there is room for, and why it is not the usual one."""
    size = room()
    if size is None or size.free >= LARGE.least_free:
        return LARGE, ''
    found = (
        f'{SHARED_MEMORY} has {size.free / MEGABYTE:.0f} of {size.total / MEGABYTE:.0f} MB free'
    )
    remedy = 'more room: docker run --shm-size=1g or --ipc=host'
    if size.free >= SMALL.least_free:
        return SMALL, f'the small one, because {found}; {remedy}'
    return None, f'{found}; large images will be lost; {remedy}'
