# SPDX-License-Identifier: Apache-2.0
"""What a process must set before it moves large images: DDS profile, malloc. Free of ROS.

The measurements behind both settings are in ``docs/transport.md``.
"""

from .malloc import keep_large_blocks
from .profile import PROFILE_VARIABLES, profile_variables, use_shared_memory_profile

__all__ = [
    'PROFILE_VARIABLES',
    'keep_large_blocks',
    'profile_variables',
    'use_shared_memory_profile',
]
