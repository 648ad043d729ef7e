# SPDX-License-Identifier: Apache-2.0
"""Images of one size, of any size in a range, and of sizes that nobody announced."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from engines.tensorrt_engine.frames import ALL, assert_equal, images, SIZE
from seg_node.engines.base import Wanted
from seg_node.engines.tensorrt.session import MOST_LANES
from seg_node.errors import EngineError

if TYPE_CHECKING:
    from engines.tensorrt_engine.conftest import Make
    from recorded_cuda import RecordedCuda

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_tensorrt_rtx,
]


def test_images_of_another_size_get_an_engine_of_their_own(make: Make, told: Any) -> None:
    engine = make(image_size=SIZE)
    other = (48, 100)

    (small,) = engine.segment(images(1), Wanted())
    (wide,) = engine.segment(images(1, other), Wanted())
    (again,) = engine.segment(images(1), Wanted())

    assert wide.maps.labels.shape == other
    assert told.builds == 2
    np.testing.assert_array_equal(small.maps.labels, again.maps.labels)


def test_without_a_size_the_engine_comes_with_the_first_image(make: Make, told: Any) -> None:
    engine = make()
    assert told.builds == 0

    (got,) = engine.segment(images(1), Wanted())

    assert got.maps.labels.shape == SIZE
    assert told.builds == 1


def test_one_engine_takes_all_sizes_of_its_range_and_no_others(make: Make, told: Any) -> None:
    fixed = make(image_size=(48, 100))
    engine = make(sizes=((40, 60), SIZE, (70, 110)))
    frame = images(1, (48, 100))[0]

    assert_equal(engine.segment([frame], ALL)[0], fixed.segment([frame], ALL)[0])
    assert told.builds == 2
    engine.segment(images(1, (72, 110)), Wanted())
    assert told.builds == 3


def test_kernels_are_settled_before_a_run_of_open_shapes_is_recorded(
    make: Make, told: Any
) -> None:
    make(image_size=SIZE)
    fixed = told.engines[-1].config

    make(image_size=SIZE, batch=(1, 1, 2))

    assert fixed is None
    strategy = told.engines[-1].config.dynamic_shapes_kernel_specialization_strategy
    assert strategy.name == 'EAGER'


@pytest.mark.parametrize('cuda', ['late'], indirect=True)
def test_many_sizes_do_not_fill_the_memory(make: Make, cuda: RecordedCuda) -> None:
    engine = make()
    for height in range(40, 48):
        engine.segment(images(1, (height, 64)), Wanted())

    assert list(cuda.live.values()).count('graph exec') == 4 * 2
    assert len(engine._session._loaded) <= 4  # type: ignore[union-attr]


def test_shape_too_many_is_refused_while_batches_of_all_others_are_under_way(make: Make) -> None:
    engine = make()
    for width in range(MOST_LANES):
        engine.submit(images(1, (48, 64 + 8 * width)), Wanted())

    with pytest.raises(EngineError, match=r'under way\. Collect first'):
        engine.submit(images(1, (56, 64)), Wanted())

    for _ in range(MOST_LANES):
        engine.collect()
    engine.submit(images(1, (56, 64)), Wanted())
    assert engine.collect()[0].maps.labels.shape == (56, 64)
