# SPDX-License-Identifier: Apache-2.0
"""Batches that cannot be taken now, or never, are refused and harm nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engines.tensorrt_engine.frames import ALL, assert_equal, images, SIZE
from seg_node.errors import EngineError, TensorMismatchError

if TYPE_CHECKING:
    from engines.tensorrt_engine.conftest import Make

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_tensorrt_rtx,
]


def test_a_third_batch_has_to_wait_and_harms_nothing(make: Make) -> None:
    engine = make(image_size=SIZE)
    frames = images(3)
    expected = [engine.segment([frame], ALL)[0] for frame in frames[:2]]
    for frame in frames[:2]:
        engine.submit([frame], ALL)

    with pytest.raises(EngineError, match='2 batches are under way'):
        engine.submit([frames[2]], ALL)
    with pytest.raises(EngineError, match='Batches are under way'):
        engine.segment([frames[2]], ALL)

    for one in expected:
        assert_equal(engine.collect()[0], one)
    with pytest.raises(EngineError, match='No batch is under way'):
        engine.collect()


def test_too_many_images_at_once_are_refused(make: Make) -> None:
    engine = make(image_size=SIZE)

    with pytest.raises(EngineError, match=r'2 images were sent at once; .* at most 1'):
        engine.submit(images(2), ALL)


def test_images_of_two_sizes_or_before_opening_are_refused(make: Make) -> None:
    engine = make(image_size=SIZE)

    with pytest.raises(TensorMismatchError):
        engine.submit([images(1)[0], images(1, (48, 100))[0]], ALL)
    engine.close()
    with pytest.raises(EngineError, match='is not open'):
        engine.submit(images(1), ALL)
    with pytest.raises(EngineError, match='is not open'):
        engine.collect()
