# SPDX-License-Identifier: Apache-2.0
"""The tests of this room import Lightning; without it they are left out, unless it is required."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the room out where Lightning is not installed."""
    absent = find_spec('lightning') is None and 'lightning' not in config.getoption('--require')
    return True if absent and collection_path.name.startswith('test_') else None


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Keep torch off cores that others use."""
    import torch  # noqa: PLC0415 - absent where these tests are left out

    torch.set_num_threads(1)
