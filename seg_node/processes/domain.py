# SPDX-License-Identifier: Apache-2.0
"""A DDS domain of our own, so that nothing on the network is heard or disturbed."""

from __future__ import annotations

import os
from pathlib import Path
import socket

__all__ = ['environment', 'free_domain']

DOMAINS = 101  # larger ones collide with Linux's own ephemeral ports


def environment(domain: int) -> dict[str, str]:
    """Return the environment of the processes: ours, in a DDS domain of their own.

    Args:
        domain: As from ``free_domain``.
    """
    code = str(Path(__file__).resolve().parents[2])
    paths = [path for path in (os.environ.get('PYTHONPATH'), code) if path]
    return {
        **os.environ,
        'PYTHONPATH': os.pathsep.join(paths),
        'PYTHONUNBUFFERED': '1',
        'RCUTILS_COLORIZED_OUTPUT': '0',
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
        'ROS_DOMAIN_ID': str(domain),
    }


def free_domain(wish: int) -> int:
    """Return a DDS domain that nobody on this machine uses, 1 to 101.

    Args:
        wish: Any number; different ones begin the search at different domains.
    """
    candidates = [(wish + offset) % DOMAINS + 1 for offset in range(DOMAINS)]
    return next((domain for domain in candidates if is_free(domain)), candidates[0])


def is_free(domain: int) -> bool:
    """Tell whether the port of a domain's first participant is free (RTPS 2.2, 9.6.1.1)."""
    port = 7400 + 250 * domain + 10
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(('', port))
        except OSError:
            return False
    return True
