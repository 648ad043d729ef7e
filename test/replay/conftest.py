# SPDX-License-Identifier: Apache-2.0
"""A bundle, a drive with truth, and the drive replayed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from replay.drives import write_drive
from replay.runs import FRAMES, run, TRUTH
from seg_node.replay.options import ReplayOptions
from tiny import tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.replay.run import Replay


@pytest.fixture(scope='module')
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The bundle that calls each pixel by its brightest channel."""
    return str(tiny_bundle(tmp_path_factory.mktemp('bundle') / 'tiny').path)


@pytest.fixture(scope='module')
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drive with truth."""
    return write_drive(tmp_path_factory.mktemp('drives') / 'drive', FRAMES)


@pytest.fixture(scope='module')
def whole(drive: Path, bundle: str, tmp_path_factory: pytest.TempPathFactory) -> Replay:
    """The drive, replayed without interruption."""
    return run([drive], tmp_path_factory.mktemp('whole'), ReplayOptions(bundle, truth=TRUTH))
