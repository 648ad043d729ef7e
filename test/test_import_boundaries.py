# SPDX-License-Identifier: Apache-2.0
"""What must work where an optional library is absent, tried in fresh interpreters.

The import contracts in pyproject.toml find the guilty line; these tests also find imports that
no static look can see.
"""

from __future__ import annotations

import json
from pathlib import Path
import subprocess
import sys

import pytest

SOURCE = Path(__file__).parents[1] / 'seg_node'
OPTIONAL = (
    'cuda',
    'cv_bridge',
    'lightning',
    'nvtx',
    'onnx',
    'onnxruntime',
    'openvino',
    'optuna',
    'pydensecrf',
    'ray',
    'rclpy',
    'rosbags',
    'safetensors',
    'sensor_msgs',
    'std_msgs',
    'tensorrt',
    'tensorrt_rtx',
    'torch',
    'torchmetrics',
)
# The only modules that may need more than the core dependencies to be imported.
DEMANDING = (
    'seg_node.bundle.foreign',
    'seg_node.bundle.import_onnx',
    'seg_node.bundle.int8',
    'seg_node.bundle.wrapping',
    'seg_node.crf.torch_backend',
    'seg_node.engines.graft',
    'seg_node.engines.onnx_engine',
    'seg_node.engines.openvino_engine',
    'seg_node.engines.torch_cuda.engine',
    'seg_node.engines.torch_engine',
    'seg_node.engines.torch_cuda.lane',
    'seg_node.engines.torch_cuda.queues',
    'seg_node.model',
    'seg_node.recordings',
    'seg_node.replay',
    'seg_node.ros',
    'seg_node.training',
    'seg_node.tuning.search',
    'seg_node.tuning.tune',
)
PLAYER_OF_BAGS = 'seg_node.ros.drives.bag_player'
IMPORT_ALL = """
import importlib, json, sys
absent, modules = json.loads(sys.argv[1])
sys.modules.update(dict.fromkeys(absent))
failed = {}
for module in modules:
    try:
        importlib.import_module(module)
    except Exception as error:
        failed[module] = repr(error)
loaded = sorted({name.partition('.')[0] for name, module in sys.modules.items() if module})
print(json.dumps([failed, loaded]))
"""
ALL_HELP = """
import contextlib, io, json, sys
sys.modules.update(dict.fromkeys(json.loads(sys.argv[1])))
from seg_node.cli.main import main, VERBS
failed = {}
for argv in [['--help'], *([verb, '--help'] for verb in VERBS)]:
    text = io.StringIO()
    try:
        with contextlib.redirect_stdout(text):
            status = main(argv)
    except SystemExit as end:
        status = end.code
    except Exception as error:
        status = repr(error)
    if status or 'usage' not in text.getvalue().lower():
        failed[' '.join(argv)] = status
print(json.dumps([failed, sorted(VERBS)]))
"""


def modules_of(*rooms: str) -> list[str]:
    """Return the dotted names of all modules below the rooms, from the files themselves."""
    names = [
        '.'.join(path.relative_to(SOURCE.parent).with_suffix('').parts)
        for path in sorted(SOURCE.rglob('*.py'))
    ]
    names = [name.removesuffix('.__init__') for name in names]
    return [name for name in names if any(f'{name}.'.startswith(f'{room}.') for room in rooms)]


def undemanding() -> list[str]:
    """Return all modules that promise to do with the core dependencies."""
    demanding = set(modules_of(*DEMANDING))
    return [name for name in modules_of('seg_node') if name not in demanding]


def run(program: str, argument: object) -> list[dict[str, str]]:
    """Run a program in a fresh interpreter; it gets and prints JSON."""
    done = subprocess.run(
        [sys.executable, '-c', program, json.dumps(argument)],
        capture_output=True,
        text=True,
        check=False,
        cwd=SOURCE.parent,
    )
    assert done.returncode == 0, done.stderr
    result: list[dict[str, str]] = json.loads(done.stdout)
    return result


def test_modules_import_with_the_core_dependencies_alone() -> None:
    failed, _ = run(IMPORT_ALL, [OPTIONAL, undemanding()])

    assert failed == {}


def test_modules_leave_optional_libraries_alone_where_they_are_installed() -> None:
    failed, loaded = run(IMPORT_ALL, [[], undemanding()])

    assert failed == {}
    assert set(loaded).isdisjoint(OPTIONAL)


@pytest.mark.needs_ros
def test_ros_room_imports_without_torch() -> None:
    absent = ['cv_bridge', 'lightning', 'onnx', 'onnxruntime', 'pydensecrf', 'rosbags', 'torch']
    modules = [name for name in modules_of('seg_node.ros') if name != PLAYER_OF_BAGS]

    failed, loaded = run(IMPORT_ALL, [absent, modules])

    assert failed == {}
    assert 'rclpy' in loaded


@pytest.mark.needs_onnxruntime
@pytest.mark.needs_rosbags
def test_engine_and_bag_modules_import_without_torch_and_ros() -> None:
    modules = ['seg_node.engines.onnx_engine', 'seg_node.recordings.reader']

    failed, loaded = run(IMPORT_ALL, [['torch', 'rclpy', 'sensor_msgs'], modules])

    assert failed == {}
    assert {'onnxruntime', 'rosbags'} <= set(loaded)


@pytest.mark.needs_lightning
@pytest.mark.needs_torch
def test_training_imports_without_ros_and_engines() -> None:
    absent = ['rclpy', 'sensor_msgs', 'pydensecrf', 'rosbags']

    failed, _ = run(IMPORT_ALL, [absent, modules_of('seg_node.model', 'seg_node.training')])

    assert failed == {}


def test_every_help_text_comes_with_the_core_dependencies_alone() -> None:
    failed, verbs = run(ALL_HELP, OPTIONAL)

    assert failed == {}
    assert {'demo', 'evaluate', 'export', 'train'} <= set(verbs)
