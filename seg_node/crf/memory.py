# SPDX-License-Identifier: Apache-2.0
"""Say so before memory runs out, where a library would end the process instead."""

from __future__ import annotations

from pathlib import Path

from seg_node.errors import CrfError

__all__ = ['check_memory']

MEMINFO = Path('/proc/meminfo')


def check_memory(needed: int, what: str) -> None:
    """Refuse work that does not fit the memory that is free; where that is unknown, hope.

    Args:
        needed: Bytes.
        what: Who needs them.

    Raises:
        CrfError: If more is needed than is available.
    """
    available = _available()
    if available is not None and needed > available:
        msg = (
            f'{what} needs about {needed / 2**30:.1f} GiB for this image; '
            f"{available / 2**30:.1f} GiB are free. Use the back end 'native', the resolution "
            "'network', or a smaller image."
        )
        raise CrfError(msg)


def _available() -> int | None:
    """Return how many bytes the system can give, or None where it does not tell (no Linux)."""
    if not MEMINFO.exists():
        return None
    lines = dict(line.split(':') for line in MEMINFO.read_text('ascii').splitlines())
    return int(lines['MemAvailable'].split()[0]) * 1024
