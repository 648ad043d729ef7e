# SPDX-License-Identifier: Apache-2.0
"""Settings of ROS and DDS in this shell, shared memory, and buffers of the network."""

from __future__ import annotations

from importlib import metadata
from importlib.util import find_spec
import os
from pathlib import Path
import re
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from seg_node.ros.transport import profile_variables
from seg_node.ros.transport.profile import (
    chosen_profile,
    fitting_profile,
    LARGE,
    other_choice,
    SMALL,
)
from seg_node.ros.transport.shared_memory import (
    MEGABYTE,
    room,
    SHARED_MEMORY,
    stale_warning,
)
from seg_node.share import share_path

from .finding import Finding
from .messages import look_at_messages

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ['is_fast_dds', 'look_at_middleware', 'remedy_for']

FASTDDS = 'rmw_fastrtps_cpp'
FASTDDS_KINDS = (FASTDDS, 'rmw_fastrtps_dynamic_cpp')
RECEIVE_BUFFER = Path('/proc/sys/net/core/rmem_max')
ENOUGH_BUFFER = 16 << 20  # [bytes] two images of 1920 x 1080
LAST_DOMAIN = 232  # ports end at 65535
EPHEMERAL_DOMAINS = range(102, 215)  # ports 32768 to 60999, where nothing else is set
IMAGE = 1920 * 1080 * 3  # [bytes]


def middleware_name(environment: Mapping[str, str]) -> str:
    """Return the RMW implementation that a process of this shell loads."""
    return environment.get('RMW_IMPLEMENTATION') or FASTDDS


def is_fast_dds() -> bool:
    """Tell whether a process of this shell loads Fast DDS."""
    return middleware_name(os.environ) in FASTDDS_KINDS


def remedy_for(fast_dds: str) -> str:
    """Return what helps large images to pass.

    Args:
        fast_dds: What does where Fast DDS is the middleware.
    """
    if is_fast_dds():
        return fast_dds
    return 'see the settings of your middleware for large images in docs/middleware.md'


def look_at_middleware() -> Iterator[Finding]:
    """Yield what concerns messages between processes."""
    environment = os.environ
    yield _ros(environment)
    yield _implementation(environment)
    yield _domain(environment)
    yield _reach(environment)
    yield look_at_messages(environment)
    if is_fast_dds():
        yield _profile(environment)
        yield _room()
        yield _stale()
    yield _udp()


def _ros(environment: Mapping[str, str]) -> Finding:
    if find_spec('rclpy') is None:
        return Finding(
            'note',
            'ROS 2',
            f'not here: {sys.executable} has no rclpy; what needs it is left out',
            'source /opt/ros/<distro>/setup.bash and use its Python, or "make demo" for the '
            'wheels of PyPI',
        )
    distribution = environment.get('ROS_DISTRO', '')
    return Finding('ok', 'ROS 2', f'rclpy {_version("rclpy")} {distribution}'.rstrip())


def _version(package: str) -> str:
    """Return the version of a ROS package, from PyPI's wheels or from a sourced installation."""
    for name in (package, f'ros-{package.replace("_", "-")}'):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:  # noqa: PERF203  # two names
            continue
    for prefix in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep):
        try:
            text = Path(prefix, 'share', package, 'package.xml').read_text(encoding='utf-8')
        except OSError:
            continue
        found = re.search('<version>(.+)</version>', text)
        return found[1] if found else ''
    return ''


def _implementation(environment: Mapping[str, str]) -> Finding:
    name = middleware_name(environment)
    version = _version(name)
    found = f'{name} {version or "(version not known)"}'
    if name not in FASTDDS_KINDS:
        return Finding(
            'note',
            'middleware',
            f'{found}; seg_node was not tested with it',
            'its settings for large images are in docs/middleware.md; both sides need the same',
        )
    return Finding('ok', 'middleware', found)


def _domain(environment: Mapping[str, str]) -> Finding:
    text = environment.get('ROS_DOMAIN_ID', '')
    if not text:
        return Finding('ok', 'ROS_DOMAIN_ID', 'not set: 0')
    if not text.isdecimal() or int(text) > LAST_DOMAIN:
        remedy = f'a number from 0 to {LAST_DOMAIN}, the same for all that shall talk'
        return Finding('fail', 'ROS_DOMAIN_ID', repr(text), remedy)
    if int(text) in EPHEMERAL_DOMAINS:
        found = f'{text}: its ports are among those that Linux gives to any process'
        return Finding('warn', 'ROS_DOMAIN_ID', found, 'a number from 0 to 101 or 215 to 232')
    return Finding('ok', 'ROS_DOMAIN_ID', text)


def _reach(environment: Mapping[str, str]) -> Finding:
    """Who can be heard: settings of both generations, of which the older one wins."""
    names = ('ROS_LOCALHOST_ONLY', 'ROS_AUTOMATIC_DISCOVERY_RANGE', 'ROS_STATIC_PEERS')
    said = {name: environment[name] for name in names if environment.get(name)}
    found = ', '.join(f'{name}={value}' for name, value in said.items())
    reach = said.get('ROS_AUTOMATIC_DISCOVERY_RANGE', 'SUBNET')
    if len(said) > 1 and said.get('ROS_LOCALHOST_ONLY') == '1':
        remedy = 'ROS_LOCALHOST_ONLY wins and is on its way out; unset it'
        return Finding('warn', 'discovery', found, remedy)
    if reach == 'OFF':
        remedy = 'nobody is found; unset ROS_AUTOMATIC_DISCOVERY_RANGE'
        return Finding('fail', 'discovery', found, remedy)
    return Finding('ok', 'discovery', found or 'nothing set: the local network')


def _profile(environment: Mapping[str, str]) -> Finding:
    """Look at the profile that a camera driver started from this shell would use."""
    name = 'profile of this shell'
    read = profile_variables()
    files = {key: path for key, path in chosen_profile(environment).items() if key in read}
    other = other_choice(environment)
    if not files and other:
        remedy = 'the group "large images" below tells whether they pass; see docs/transport.md'
        return Finding('note', name, f'{other}, which seg_node leaves in force', remedy)
    if not files:
        return Finding(
            'warn',
            name,
            'none: a camera started from this shell has 0.5 MB of shared memory, and loses larger '
            'images that nobody asks for again; seg_node itself brings a profile',
            f'export {read[0]}={share_path("config", (fitting_profile()[0] or SMALL).file)}',
        )
    variable, path = next(iter(files.items()))
    try:
        sizes = _segment_sizes(Path(path))
    except (OSError, ET.ParseError, ValueError, LookupError) as err:
        remedy = 'name a profile that is there and can be read'
        return Finding('fail', name, f'{variable}={path}: {err}', remedy)
    if not sizes:
        found = f'{path}: sets no segment size: Fast DDS takes its own, 0.5 MB'
        return Finding('warn', name, found, f'use {LARGE.file} or {SMALL.file}')
    largest = max(sizes)
    found = f'{path}: segment {largest / MEGABYTE:.1f} MB'
    if largest < 2 * IMAGE:
        remedy = f'let segment_size hold at least two images, or use {LARGE.file} or {SMALL.file}'
        return Finding('warn', name, found, remedy)
    return Finding('ok', name, found)


def _segment_sizes(path: Path) -> list[int]:
    tree = ET.parse(path)  # noqa: S314  # the user's own settings, which Fast DDS reads as well
    return [_bytes(one.text) for one in tree.iter() if one.tag.endswith('segment_size')]


def _bytes(text: str | None) -> int:
    try:
        return int(text or '')
    except ValueError as err:
        msg = f'segment_size is {text!r}; expected bytes, a plain number'
        raise ValueError(msg) from err


def _room() -> Finding:
    name = str(SHARED_MEMORY)
    size = room()
    if size is None:
        return Finding('warn', name, 'is not there: images go through UDP', 'mount a tmpfs on it')
    found = f'{size.free / MEGABYTE:.0f} of {size.total / MEGABYTE:.0f} MB free'
    remedy = 'docker run --shm-size=1g or --ipc=host; else mount -o remount,size=1g /dev/shm'
    if size.free < SMALL.least_free:
        return Finding('fail', name, f'{found}: no segment for images fits', remedy)
    if size.free < LARGE.least_free:
        return Finding('warn', name, f'{found}: seg_node takes {SMALL.file}', remedy)
    return Finding('ok', name, found)


def _stale() -> Finding:
    left, _, remedy = stale_warning().partition(' Remove them: ')
    if left:
        return Finding('warn', 'stale segments', left, remedy.rstrip('.'))
    return Finding('ok', 'stale segments', 'none')


def _udp() -> Finding:
    """Look at the buffer for images from other machines; those of this one do not need it."""
    name = 'net.core.rmem_max'
    try:
        size = int(RECEIVE_BUFFER.read_text(encoding='ascii'))
    except (OSError, ValueError):
        return Finding('note', name, 'not visible here')
    found = f'{size / MEGABYTE:.1f} MB'
    if size < ENOUGH_BUFFER:
        return Finding(
            'note',
            name,
            f'{found}, too little for large images from other machines',
            f'only if the camera is on another machine: sudo sysctl -w {name}={2 * ENOUGH_BUFFER}',
        )
    return Finding('ok', name, found)
