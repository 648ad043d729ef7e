# SPDX-License-Identifier: Apache-2.0
"""Processor, its clock, threads, and the GPU."""

from __future__ import annotations

import os
from pathlib import Path
import resource
import shutil
import subprocess
from typing import TYPE_CHECKING

from .finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .settings import Settings

__all__ = ['look_at_computer', 'usable_cores']

SYSTEM = Path('/')
GOVERNORS = 'sys/devices/system/cpu/cpu*/cpufreq/scaling_governor'
QUOTA = 'sys/fs/cgroup/cpu.max'
SLOW_GOVERNORS = ('powersave', 'conservative')
# Their "powersave" goes up to full speed by itself.
ADAPTIVE_DRIVERS = ('intel_pstate', 'amd-pstate-epp')
POOLS = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS')
GPU_FACTS = 'name,driver_version,memory.total'
PATIENCE_S = 10.0
LEAST_FILES = 1024  # Linux's usual limit


def look_at_computer(settings: Settings, system: Path = SYSTEM) -> Iterator[Finding]:
    """Yield what the machine can do and whether the settings fit it.

    Args:
        settings: Threads that the node will use.
        system: Root of the file system.
    """
    cores = usable_cores(system)
    yield _cores(cores)
    yield from _threads(settings, cores)
    yield _governor(system)
    yield _open_files()
    yield _gpu(system)


def usable_cores(system: Path = SYSTEM) -> float:
    """Return how many cores this process may use: affinity, and the quota of a container."""
    cores = float(len(os.sched_getaffinity(0)))
    try:
        quota, period = (system / QUOTA).read_text(encoding='utf-8').split()
        return min(cores, int(quota) / int(period))
    except (OSError, ValueError):  # no such file, or "max": no limit
        return cores


def _cores(cores: float) -> Finding:
    load = os.getloadavg()[0]
    found = f'{cores:g} usable of {os.cpu_count()}, load {load:.1f}'
    if load > cores:
        remedy = 'other programs want more than there is: stop some, or expect late frames'
        return Finding('warn', 'cores', found, remedy)
    return Finding('ok', 'cores', found)


def _threads(settings: Settings, cores: float) -> Iterator[Finding]:
    """Yield thread counts above the number of cores, whose threads wait for each other."""
    asked = {name: count for name, count in settings.threads.items() if _is_used(name, settings)}
    asked |= {name: int(os.environ[name]) for name in POOLS if os.environ.get(name, '').isdigit()}
    found = ', '.join(f'{name} {count}' for name, count in asked.items())
    too_many = [name for name, count in asked.items() if count > max(cores, 1)]
    if too_many:
        yield Finding(
            'warn',
            'threads',
            f'{found}, on {cores:g} cores',
            f'set {", ".join(too_many)} to {max(1, int(cores))} or less: threads that wait for '
            'each other make inference many times slower',
        )
    else:
        yield Finding('ok', 'threads', found)


def _is_used(name: str, settings: Settings) -> bool:
    return settings.crf or not name.startswith('crf.')


def _governor(system: Path) -> Finding:
    files = sorted(system.glob(GOVERNORS))
    if not files:
        return Finding('note', 'CPU governor', 'not visible here (virtual machine or container)')
    names = sorted({_line(one) for one in files})
    driver = _line(files[0].with_name('scaling_driver'))
    found = f'{", ".join(names)} ({driver})' if driver else ', '.join(names)
    if driver not in ADAPTIVE_DRIVERS and any(name in SLOW_GOVERNORS for name in names):
        remedy = 'the clock stays low: sudo cpupower frequency-set -g performance'
        return Finding('warn', 'CPU governor', found, remedy)
    return Finding('ok', 'CPU governor', found)


def _line(path: Path) -> str:
    try:
        return path.read_text(encoding='utf-8').strip()
    except OSError:
        return ''


def _open_files() -> Finding:
    """Look at how many files a process may have open; each connection takes some."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return Finding('ok', 'open files', 'unlimited')
    if limit < LEAST_FILES:
        remedy = f'ulimit -n {LEAST_FILES}, before the node is started'
        return Finding('warn', 'open files', f'at most {limit} in a process', remedy)
    return Finding('ok', 'open files', f'at most {limit} in a process')


def _gpu(system: Path) -> Finding:
    command = shutil.which('nvidia-smi')
    if command is None:
        if (system / 'etc/nv_tegra_release').exists():
            return Finding('ok', 'GPU', f'Jetson: {_line(system / "etc/nv_tegra_release")[:60]}')
        if list(system.glob('dev/nvidia[0-9]*')):
            remedy = 'install the tools of the driver, or give the container the GPU (--gpus all)'
            return Finding('warn', 'GPU', 'there is one, but no nvidia-smi', remedy)
        return Finding('note', 'GPU', 'none of NVIDIA found: inference runs on the CPU')
    words = [command, f'--query-gpu={GPU_FACTS}', '--format=csv,noheader']
    try:
        done = subprocess.run(  # noqa: S603  # found in PATH, fixed words
            words, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as err:
        return Finding('fail', 'GPU', f'nvidia-smi does not answer: {err}', 'restart the machine')
    if done.returncode:
        said = (done.stdout + done.stderr).strip()
        return Finding('fail', 'GPU', f'nvidia-smi: {said}', 'install the driver again, restart')
    return Finding('ok', 'GPU', '; '.join(done.stdout.strip().splitlines()))
