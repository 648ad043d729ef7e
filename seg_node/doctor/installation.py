# SPDX-License-Identifier: Apache-2.0
"""Python, the package, its libraries, and its extension in C++."""

from __future__ import annotations

from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
import platform
import sys
from typing import NamedTuple, TYPE_CHECKING

import seg_node
from seg_node.crf.registry import why_missing as crf_missing
from seg_node.imaging.extension import why_missing as extension_missing

from .finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ['EXTRAS', 'look_at_installation']

OLDEST_PYTHON = (3, 10)
CORE = {'numpy': 'numpy', 'cv2': 'opencv-python-headless', 'yaml': 'PyYAML'}


class Extra(NamedTuple):
    """An extra of setup.py: the modules that show it is there, and what it is good for."""

    modules: tuple[str, ...]
    purpose: str


EXTRAS = {
    'onnx': Extra(('onnxruntime',), 'inference on a CPU'),
    'openvino': Extra(('openvino',), 'another engine for CPUs'),
    'gpu': Extra(('tensorrt', 'cuda', 'onnx'), 'inference with TensorRT on an NVIDIA GPU'),
    'rtx': Extra(('tensorrt_rtx', 'cuda', 'onnx'), 'TensorRT for RTX, on GeForce and RTX GPUs'),
    'crf': Extra(('pydensecrf',), 'a reference for the dense CRF'),
    'replay': Extra(('rosbags',), 'recorded drives'),
    'ray': Extra(('ray',), 'many recordings on several machines'),
    'segformer': Extra(('transformers',), 'training networks of the SegFormer family'),
    'train': Extra(('torch', 'lightning', 'onnxscript'), 'training and export'),
    'tune': Extra(('optuna',), 'fitting the dense CRF to a model'),
    'ros': Extra(('rclpy', 'sensor_msgs', 'diagnostic_msgs'), 'the node itself, player, recorder'),
}
# Of the run-time engines at least one must be there, which the group "model" looks at.


def look_at_installation() -> Iterator[Finding]:
    """Yield what is installed and what is not."""
    yield _python()
    place = Path(seg_node.__file__).parent
    yield Finding('ok', 'seg_node', f'{seg_node.__version__} in {place}')
    yield Finding('ok', 'libraries', ', '.join(f'{name} {_version(name)}' for name in CORE))
    yield from _extras()
    yield from _label_info()
    yield from _extension()


def _python() -> Finding:
    found = f'{platform.python_version()} ({sys.executable})'
    if sys.version_info < OLDEST_PYTHON:
        return Finding('fail', 'python', found, 'Python 3.10 or newer is needed.')
    return Finding('ok', 'python', found)


def _version(module: str) -> str:
    """Return the version of an installed library, from pip or from itself."""
    try:
        return metadata.version(CORE.get(module, module))
    except metadata.PackageNotFoundError:  # from apt, or under another name
        return str(getattr(import_module(module), '__version__', ''))


def _extras() -> Iterator[Finding]:
    missing = {name: _missing(extra) for name, extra in EXTRAS.items()}
    here = [name for name, lacks in missing.items() if not lacks]
    yield Finding('ok', 'extras', ', '.join(here) or 'none')
    for name, lacks in missing.items():
        if lacks:
            yield Finding(
                'note',
                f'extra {name}',
                f'{", ".join(lacks)} not installed; for {EXTRAS[name].purpose}',
                f"pip install 'seg_node[{name}]', or as docs/installation.md says",
            )


def _missing(extra: Extra) -> list[str]:
    return [name for name in extra.modules if find_spec(name) is None]


def _label_info() -> Iterator[Finding]:
    if find_spec('rclpy') is None:
        return
    try:
        found = 'is older than 4.1'
        there = hasattr(import_module('vision_msgs.msg'), 'LabelInfo')
    except ImportError:
        found, there = 'not installed', False
    if not there:
        yield Finding(
            'note',
            'vision_msgs',
            f'{found}: no label_info, without which the layer of Nav2 throws every mask away',
            'apt install ros-$ROS_DISTRO-vision-msgs',
        )


def _extension() -> Iterator[Finding]:
    parts = {'post-processing': extension_missing(), 'dense CRF': crf_missing('native')}
    wrong = {name: why for name, why in parts.items() if why}
    if not wrong:
        yield Finding('ok', 'extension in C++', f'works: {", ".join(parts)}')
    for name, why in wrong.items():
        yield Finding(
            'warn',
            f'{name} in C++',
            f'{why} Results are the same, several times slower.',
            'apt install g++ python3-dev, then install seg_node again',
        )
