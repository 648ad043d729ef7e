# SPDX-License-Identifier: Apache-2.0
"""What a test needs, and the promise of a lane that it is there.

A test marked ``needs_torch`` is skipped where torch is not installed. A lane that has it says
``--require torch``; then the test runs, and a missing or broken library is a failure.
"""

from __future__ import annotations

from importlib.util import find_spec
import os
from pathlib import Path
from typing import Any, TYPE_CHECKING

from _pytest.doctest import DoctestModule
import pytest

from chromium import CHROMIUM

if TYPE_CHECKING:
    from collections.abc import Generator

MODULES = {
    'cityscapesscripts': 'cityscapesscripts',
    'crf': 'pydensecrf',
    'cuda_python': 'cuda',
    'lightning': 'lightning',
    'onnx': 'onnx',
    'onnxruntime': 'onnxruntime',
    'openvino': 'openvino',
    'optuna': 'optuna',
    'ray': 'ray',
    'ros': 'rclpy',
    'rosbags': 'rosbags',
    'tensorrt_rtx': 'tensorrt_rtx',
    'torch': 'torch',
    'transformers': 'transformers',
}
CAMVID = 'SEG_NODE_CAMVID'
CAMVID_BESIDE_THE_REPOSITORY = Path(__file__).parents[2] / 'shared' / 'data' / 'camvid'
DATA_HINT = f'CamVid is not here; {CAMVID}=FOLDER says where it is'


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--require``."""
    parser.addoption(
        '--require',
        action='append',
        default=[],
        choices=(*MODULES, 'camvid', 'chromium'),
        help='tests that need this must run, not skip; may be given several times',
    )


def pytest_configure() -> None:
    """Let tests find CamVid in one way, through the environment."""
    if CAMVID not in os.environ and CAMVID_BESIDE_THE_REPOSITORY.is_dir():
        os.environ[CAMVID] = str(CAMVID_BESIDE_THE_REPOSITORY)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what cannot run here, with the reason, unless the lane requires it."""
    absent = {
        name: f'{module} is not installed'
        for name, module in MODULES.items()
        if find_spec(module) is None
    }
    if not Path(os.environ.get(CAMVID, 'nowhere')).is_dir():
        absent['camvid'] = DATA_HINT
    if CHROMIUM is None:
        absent['chromium'] = 'Chromium is not installed'
    for name in config.getoption('--require'):
        absent.pop(name, None)
    for item in items:
        for name, reason in absent.items():
            if item.get_closest_marker(f'needs_{name}'):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(hookwrapper=True)
def pytest_collect_file() -> Generator[None, Any, None]:
    """Look for doctests in the package alone.

    A test file that cannot be imported would be skipped as one without doctests, and then be taken
    from the list of modules that are loaded: empty, and all green.
    """
    outcome = yield
    found = [one for one in outcome.get_result() if not isinstance(one, DoctestModule)]
    outcome.force_result(found)
