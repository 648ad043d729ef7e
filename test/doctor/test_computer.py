# SPDX-License-Identifier: Apache-2.0
"""The computer, from files as Linux has them."""

from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING

import pytest

from seg_node.doctor.computer import look_at_computer, usable_cores
from seg_node.doctor.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.doctor import Finding

FEW = Settings({'threads': 1, 'opencv_threads': 1, 'crf.threads': 64}, crf=False)
CLOCK = 'sys/devices/system/cpu/cpu{}/cpufreq/scaling_{}'


def write(system: Path, name: str, text: str) -> None:
    """Write a file of the system."""
    path = system / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'{text}\n', encoding='utf-8')


def found(system: Path, settings: Settings = FEW) -> dict[str, Finding]:
    """Return the findings by name."""
    return {one.name: one for one in look_at_computer(settings, system)}


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine with nothing to do, four cores, and no GPU."""
    monkeypatch.setattr(os, 'getloadavg', lambda: (0.5, 0.5, 0.5))
    monkeypatch.setattr(os, 'sched_getaffinity', lambda _: {0, 1, 2, 3}, raising=False)
    monkeypatch.setenv('PATH', str(tmp_path / 'bin'))
    for name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS'):
        monkeypatch.delenv(name, raising=False)


def test_quota_of_a_container_counts_where_it_is_less_than_the_cores(tmp_path: Path) -> None:
    write(tmp_path, 'sys/fs/cgroup/cpu.max', '150000 100000')

    assert usable_cores(tmp_path) == 1.5


@pytest.mark.parametrize('text', ['max 100000', '', '900000 100000'])
def test_no_quota_leaves_all_cores(text: str, tmp_path: Path) -> None:
    write(tmp_path, 'sys/fs/cgroup/cpu.max', text)

    assert usable_cores(tmp_path) == 4


def test_load_above_the_cores_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, 'getloadavg', lambda: (7.0, 1.0, 1.0))

    assert found(tmp_path)['cores'].level == 'warn'


@pytest.mark.parametrize(
    ('settings', 'level'),
    [
        (FEW, 'ok'),  # the CRF is off, so its 64 threads do not run
        (Settings({'threads': 5, 'opencv_threads': 1, 'crf.threads': 1}, crf=False), 'warn'),
        (Settings({'threads': 1, 'opencv_threads': 1, 'crf.threads': 64}, crf=True), 'warn'),
    ],
)
def test_more_threads_than_cores_are_warned_of(
    settings: Settings, level: str, tmp_path: Path
) -> None:
    assert found(tmp_path, settings)['threads'].level == level


def test_threads_of_openmp_count_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('OMP_NUM_THREADS', '16')

    finding = found(tmp_path)['threads']

    assert finding.level == 'warn'
    assert finding.remedy.startswith('set OMP_NUM_THREADS to 4 or less')


@pytest.mark.parametrize(
    ('governor', 'driver', 'level'),
    [
        ('performance', 'acpi-cpufreq', 'ok'),
        ('schedutil', 'acpi-cpufreq', 'ok'),
        ('powersave', 'acpi-cpufreq', 'warn'),
        ('powersave', 'intel_pstate', 'ok'),
        ('conservative', '', 'warn'),
    ],
)
def test_slow_governor_is_warned_of(
    governor: str, driver: str, level: str, tmp_path: Path
) -> None:
    write(tmp_path, CLOCK.format(0, 'governor'), 'performance')
    write(tmp_path, CLOCK.format(1, 'governor'), governor)
    if driver:
        write(tmp_path, CLOCK.format(0, 'driver'), driver)

    finding = found(tmp_path)['CPU governor']

    assert finding.level == level
    assert governor in finding.found


@pytest.mark.parametrize(
    ('limit', 'level'), [(256, 'warn'), (1024, 'ok'), (resource.RLIM_INFINITY, 'ok')]
)
def test_few_open_files_are_warned_of(
    limit: int, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, 'getrlimit', lambda _: (limit, limit))

    assert found(tmp_path)['open files'].level == level


def test_invisible_governor_and_absent_gpu_are_only_noted(tmp_path: Path) -> None:
    findings = found(tmp_path)

    assert findings['CPU governor'].level == 'note'
    assert findings['GPU'].level == 'note'


@pytest.mark.parametrize(
    ('script', 'level', 'words'),
    [
        ('echo "NVIDIA X, 570.1, 8192 MiB"', 'ok', 'NVIDIA X, 570.1, 8192 MiB'),
        ('echo "Driver/library version mismatch"; exit 18', 'fail', 'version mismatch'),
    ],
)
def test_gpu_is_what_nvidia_smi_says(script: str, level: str, words: str, tmp_path: Path) -> None:
    write(tmp_path, 'bin/nvidia-smi', f'#!/bin/sh\n{script}')
    (tmp_path / 'bin/nvidia-smi').chmod(0o755)

    finding = found(tmp_path)['GPU']

    assert finding.level == level
    assert words in finding.found


def test_gpu_without_its_tools_is_warned_of(tmp_path: Path) -> None:
    write(tmp_path, 'dev/nvidia0', '')

    assert found(tmp_path)['GPU'].level == 'warn'
