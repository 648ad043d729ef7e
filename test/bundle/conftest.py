# SPDX-License-Identifier: Apache-2.0
"""Tests that build networks import onnx; without it they are left out, unless it is required."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

DEMANDING = ('test_import_onnx.py', 'test_int8.py')


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the demanding files out where what they import is not installed."""
    required = config.getoption('--require')
    absent = [one for one in ('onnx', 'onnxruntime') if not find_spec(one) and one not in required]
    return True if absent and collection_path.name in DEMANDING else None
