# SPDX-License-Identifier: Apache-2.0
"""What a process of this machine has used so far: processor time and memory. Linux only."""

from __future__ import annotations

from pathlib import Path
import re
import time

from seg_node.errors import ProcessError

__all__ = ['anonymous_memory_mb', 'cpu_seconds', 'peak_memory_mb']

SCHEDULER_CLOCK = 2  # CPUCLOCK_SCHED of linux/posix-timers.h: nanoseconds, not ticks
KIB_PER_MB = 1024


def cpu_seconds(pid: int) -> float:
    """Return the processor time of all threads of a process since its start [s].

    Raises:
        ProcessError: If there is no such process.
    """
    try:
        return time.clock_gettime(~pid << 3 | SCHEDULER_CLOCK)
    except OSError as err:
        msg = f'Process {pid} has no processor time to read ({err.strerror}): it has ended.'
        raise ProcessError(msg) from err


def peak_memory_mb(pid: int) -> float:
    """Return the largest resident memory that a process has had [MB].

    Raises:
        ProcessError: If there is no such process.
    """
    return _status(pid, 'VmHWM')


def anonymous_memory_mb(pid: int) -> float:
    """Return the resident memory of a process that no file backs: its own data [MB].

    Raises:
        ProcessError: If there is no such process.
    """
    return _status(pid, 'RssAnon')


def _status(pid: int, field: str) -> float:
    try:
        text = Path(f'/proc/{pid}/status').read_text(encoding='utf-8')
    except OSError as err:
        msg = f'The memory of process {pid} cannot be read ({err.strerror}): it has ended.'
        raise ProcessError(msg) from err
    found = re.search(rf'^{field}:\s+(\d+) kB', text, re.MULTILINE)
    if found is None:
        msg = f'The kernel does not tell {field} of process {pid}: it is ending.'
        raise ProcessError(msg)
    return int(found[1]) / KIB_PER_MB
