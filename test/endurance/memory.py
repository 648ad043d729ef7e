# SPDX-License-Identifier: Apache-2.0
"""What a process holds, read from ``/proc``."""

from __future__ import annotations

from dataclasses import dataclass
import os
from pathlib import Path
import re

__all__ = ['Holdings', 'holdings', 'rss_anon']


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a process holds at one moment.

    Attributes:
        rss_anon: Anonymous resident memory [MB]; shared memory and files do not count.
        files: Open file descriptors.
        threads: Threads.
        cpu: Processor time since its start [s].
    """

    rss_anon: float
    files: int
    threads: int
    cpu: float


def holdings(pid: int) -> Holdings:
    """Return what a process holds now.

    Raises:
        FileNotFoundError: If there is no such process.
    """
    root = Path('/proc') / str(pid)
    files = len(os.listdir(root / 'fd'))  # noqa: PTH208  # only their number
    threads = len(list((root / 'task').iterdir()))
    return Holdings(rss_anon(pid), files, threads, processor_time(pid))


def processor_time(pid: int) -> float:
    """Return the processor time of a process since its start [s]."""
    text = (Path('/proc') / str(pid) / 'stat').read_text(encoding='utf-8')
    user, system = text.rpartition(')')[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf('SC_CLK_TCK')


def rss_anon(pid: int) -> float:
    """Return the anonymous resident memory of a process [MB]."""
    text = (Path('/proc') / str(pid) / 'status').read_text(encoding='utf-8')
    found = re.search(r'RssAnon:\s+(\d+) kB', text)
    assert found is not None, 'this kernel does not tell RssAnon'
    return int(found.group(1)) / 1024
