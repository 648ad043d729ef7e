# SPDX-License-Identifier: Apache-2.0
"""Encodings that are not in our table go to cv_bridge, if there is a working one.

cv_bridge is not on PyPI, and one that was compiled for NumPy 1 ends the whole process when it is
used under NumPy 2. So it is asked for only here, and tried in a process of its own first.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.util import find_spec
import subprocess
import sys
from typing import Any, cast, TYPE_CHECKING

import numpy as np

from seg_node.errors import ImageError, one_of
from seg_node.imaging.encodings import ENCODINGS

if TYPE_CHECKING:
    import numpy.typing as npt

TRIAL = 'from cv_bridge.boost.cv_bridge_boost import getCvType; getCvType("bgr8")'
TRIAL_SECONDS = 20.0


def foreign_pixels(message: Any) -> npt.NDArray[np.uint8]:
    """Let cv_bridge decode an image message.

    Args:
        message: A ``sensor_msgs/Image`` whose size and length have been checked.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ImageError: If cv_bridge is missing or broken, or does not know the encoding either.
    """
    fault = bridge_fault()
    if fault:
        msg = f'{one_of("encoding", message.encoding, ENCODINGS)} {fault}'
        raise ImageError(msg)
    try:
        bridge = import_module('cv_bridge').CvBridge()
        pixels = np.asarray(bridge.imgmsg_to_cv2(message, desired_encoding='rgb8'))
    except Exception as err:
        msg = f'{one_of("encoding", message.encoding, ENCODINGS)} cv_bridge says: {err}'
        raise ImageError(msg) from err
    if pixels.shape != (message.height, message.width, 3) or pixels.dtype != np.uint8:
        msg = (
            f'cv_bridge turned encoding {message.encoding!r} into {pixels.shape} {pixels.dtype}; '
            f'expected ({message.height}, {message.width}, 3) uint8.'
        )
        raise ImageError(msg)
    return cast('npt.NDArray[np.uint8]', pixels)


@cache
def bridge_fault() -> str:
    """Return why cv_bridge cannot be used, or nothing if it can; found out once per process."""
    if not _is_installed():
        return 'cv_bridge, which might know it, is not installed.'
    try:
        subprocess.run(  # noqa: S603 - our own interpreter, constant text
            [sys.executable, '-c', TRIAL],
            check=True,
            capture_output=True,
            timeout=TRIAL_SECONDS,
        )
    except (subprocess.SubprocessError, OSError) as err:
        return f'cv_bridge, which might know it, does not work here ({err}).'
    return ''


def _is_installed() -> bool:
    """Look for cv_bridge without importing it."""
    try:
        return find_spec('cv_bridge') is not None
    except ValueError:  # somebody put a stand-in into sys.modules
        return sys.modules.get('cv_bridge') is not None
