# SPDX-License-Identifier: Apache-2.0
"""A bundle of its own for each test, which may spoil it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.bundle import Bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """The tiny bundle."""
    from tiny import tiny_bundle  # noqa: PLC0415  # needs onnx

    return tiny_bundle(tmp_path / 'tiny')
