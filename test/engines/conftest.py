# SPDX-License-Identifier: Apache-2.0
"""A GPU that does what a test says, in this process and in that of the builder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def fake_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that says what a made-up GPU does from now on; see ``fake_gpu.py``."""
    from fake_gpu import set_up  # noqa: PLC0415  # needs onnxruntime

    return set_up(tmp_path / 'fake_gpu', monkeypatch)
