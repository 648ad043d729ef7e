# SPDX-License-Identifier: Apache-2.0
"""Frames sent to a standby, each of which has to be answered rightly."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
import time
from typing import Any, TYPE_CHECKING

import numpy as np

from seg_node.engines.base import Wanted
import tiny

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from seg_node.engines.base import Inferred
    from seg_node.engines.standby.engine import StandbyEngine

SIZE = (48, 64)
IMAGE = tiny.scene(SIZE)[0]
TIMEOUT_S = 20.0


@cache
def right_labels() -> npt.NDArray[np.uint8]:
    """Return the labels of the image, by ONNX Runtime alone."""
    from seg_node.engines.onnx_engine import OnnxEngine  # noqa: PLC0415  # needs onnxruntime

    with TemporaryDirectory() as folder, OnnxEngine(tiny.tiny_bundle(Path(folder, 'b'))) as alone:
        return alone.segment([IMAGE], Wanted())[0].maps.labels


def segment(engine: StandbyEngine, image: Any = IMAGE) -> Inferred:
    return engine.segment([image], Wanted())[0]


def frames_until(engine: StandbyEngine, condition: Callable[[], object]) -> int:
    """Send frames until the condition holds, each answered rightly; return their number."""
    deadline = time.monotonic() + TIMEOUT_S
    count = 0
    while not condition():
        assert time.monotonic() < deadline, engine.described()
        found = segment(engine)
        assert np.array_equal(found.maps.labels, right_labels())
        count += 1
        time.sleep(0.01)
    return count


def serves(engine: StandbyEngine, name: str) -> Callable[[], bool]:
    return lambda: engine.described()['engine'] == name


def says(engine: StandbyEngine, words: str) -> Callable[[], bool]:
    return lambda: words in engine.described()['reason']
