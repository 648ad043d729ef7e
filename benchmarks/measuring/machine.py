# SPDX-License-Identifier: Apache-2.0
"""What a figure was measured on: printed beside every result."""

from __future__ import annotations

from importlib import metadata
import os
from pathlib import Path
import platform

__all__ = ['machine']

PACKAGES = (
    'seg-node',
    'numpy',
    'opencv-python-headless',
    'onnxruntime',
    'openvino',
    'torch',
    'ros-rclpy',
)


def machine() -> dict[str, str]:
    """Return processor, usable cores, system and versions, in words."""
    versions = {name: _version(name) for name in PACKAGES}
    return {
        'processor': _processor(),
        'cores': str(len(os.sched_getaffinity(0))),
        'system': f'{platform.system()} {platform.machine()}',
        'python': platform.python_version(),
        **{name: version for name, version in versions.items() if version},
    }


def _processor() -> str:
    for line in Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines():
        if line.startswith('model name'):
            return line.partition(':')[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ''
