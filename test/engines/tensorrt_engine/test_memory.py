# SPDX-License-Identifier: Apache-2.0
"""How long pinned memory that results lie in is held, and that closing frees everything."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from engines.tensorrt_engine.frames import ALL, assert_equal, images, SIZE

if TYPE_CHECKING:
    from engines.tensorrt_engine.conftest import Make
    from recorded_cuda import RecordedCuda

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_tensorrt_rtx,
]


def test_results_stay_as_they_are_whatever_comes_later(make: Make, cuda: RecordedCuda) -> None:
    engine = make(image_size=SIZE)
    frames = images(20)
    kept = [engine.segment([frame], ALL)[0] for frame in frames]
    copies = [one.maps.labels.copy() for one in kept]

    again = [engine.segment([frame], ALL)[0] for frame in frames]
    engine.close()

    for one, two, copy in zip(kept, again, copies, strict=True):
        np.testing.assert_array_equal(one.maps.labels, copy)
        np.testing.assert_array_equal(two.maps.labels, copy)
    assert list(cuda.live.values()).count('pinned') <= 8


def test_pinned_memory_comes_home_when_nobody_looks_any_more(
    make: Make, cuda: RecordedCuda
) -> None:
    engine = make(image_size=SIZE)
    for frame in images(10):
        engine.segment([frame], ALL)
    assert cuda.count('cudaHostAlloc') <= 2 * 2 + 3

    (kept,) = engine.segment(images(1), ALL)
    engine.close()
    assert list(cuda.live.values()) == ['pinned']
    view = kept.maps.labels[3:5]
    del kept
    assert list(cuda.live.values()) == ['pinned']
    del view

    assert cuda.live == {}


def test_images_in_pinned_memory_are_not_copied_once_more(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make(image_size=SIZE)
    frame = images(1)[0]
    (expected,) = engine.segment([frame], ALL)
    pinned = engine.next_images(1, SIZE)
    pinned[0] = frame

    def no_copy(target: Any, source: Any) -> None:
        pytest.fail(f'{source.shape} was copied to {target.shape}')

    monkeypatch.setattr('seg_node.engines.tensorrt.slot.np.copyto', no_copy)
    engine.submit(list(pinned), ALL)
    monkeypatch.undo()

    assert_equal(engine.collect()[0], expected)


def test_closing_frees_everything_and_opening_again_works(make: Make, cuda: RecordedCuda) -> None:
    engine = make(image_size=SIZE)
    engine.segment(images(1), ALL)
    engine.submit(images(1), ALL)

    engine.close()

    assert cuda.live == {}
    engine.open()
    assert len(engine.segment(images(1), ALL)) == 1
