# SPDX-License-Identifier: Apache-2.0
"""A bundle, and standbys over a made-up GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engines.standby_engine.frames import TIMEOUT_S
from seg_node.engines.serving import open_for_serving
from seg_node.engines.standby.engine import StandbyEngine, StandbyOptions
from seg_node.engines.standby.standing import Patience
import tiny

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from seg_node.bundle import Bundle
    from seg_node.engines.standby.engine import OnGpuFailure

    Say = Callable[..., None]
    Open = Callable[..., StandbyEngine]


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return tiny.tiny_bundle(tmp_path / 'bundle')


@pytest.fixture
def standby(bundle: Bundle) -> Iterator[Open]:
    """Return a function that opens and starts a standby."""
    opened: list[StandbyEngine] = []

    def begin(
        *,
        on_gpu_failure: OnGpuFailure = 'fallback',
        image_size: tuple[int, int] | None = None,
        build: float = TIMEOUT_S,
        pause: float = 0.05,
        frame: float = TIMEOUT_S,
    ) -> StandbyEngine:
        options = StandbyOptions(on_gpu_failure, image_size, Patience(build, pause, frame))
        engine = open_for_serving('tensorrt', bundle, options=options)
        assert isinstance(engine, StandbyEngine)
        opened.append(engine)
        engine.start()
        return engine

    yield begin
    for engine in opened:
        engine.close()
