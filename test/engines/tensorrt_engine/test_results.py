# SPDX-License-Identifier: Apache-2.0
"""What an engine of TensorRT finds in images, whatever it was built for."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from engines.tensorrt_engine.frames import ALL, assert_equal, images, SIZE
from seg_node.engines.base import Wanted
from seg_node.engines.onnx_engine import OnnxEngine
from seg_node.errors import EngineError

if TYPE_CHECKING:
    from engines.tensorrt_engine.conftest import Make
    from seg_node.bundle import Bundle

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_tensorrt_rtx,
]


def test_images_give_what_the_processor_finds_in_them(make: Make, bundle: Bundle) -> None:
    engine = make(image_size=SIZE, planes=(0, 2))
    image = images(1)[0]

    (got,) = engine.segment([image], ALL)

    with OnnxEngine(bundle) as reference:
        (expected,) = reference.segment([image], ALL)
    assert expected.maps.confidence is not None
    assert got.maps.confidence is not None
    assert (got.maps.labels == expected.maps.labels).mean() > 0.999
    difference = got.maps.confidence.astype(int) - expected.maps.confidence
    assert np.abs(difference).max() <= 2
    assert got.scores is not None
    assert expected.scores is not None
    np.testing.assert_allclose(got.scores, expected.scores, atol=1e-4)
    assert got.maps.labels.shape == SIZE
    assert set(got.times) == {'copy_in', 'infer', 'copy_out'}


@pytest.mark.parametrize('graph', [True, False])
def test_a_stream_gives_the_same_as_one_by_one(make: Make, told: Any, *, graph: bool) -> None:
    told.changes.append(lambda engine: setattr(engine, 'capturable', graph))
    engine = make(image_size=SIZE, planes=(0, 2))
    frames = images(7)
    expected = [engine.segment([frame], ALL)[0] for frame in frames]

    got = list(engine.stream(([frame] for frame in frames), ALL))

    for (one,), other in zip(got, expected, strict=True):
        assert_equal(one, other)


def test_several_cameras_go_in_one_batch_and_more_in_several(make: Make) -> None:
    single, batched = make(image_size=SIZE), make(image_size=SIZE, batch=(1, 2, 2))
    frames = images(5)

    got = batched.segment(frames, ALL)

    assert len(got) == 5
    for one, frame in zip(got, frames, strict=True):
        assert_equal(one, single.segment([frame], ALL)[0])


def test_a_small_batch_runs_in_an_engine_for_larger_ones(make: Make, told: Any) -> None:
    single, fixed = make(image_size=SIZE), make(image_size=SIZE, batch=(3, 3, 3))
    frame = images(1)[0]

    assert_equal(fixed.segment([frame], ALL)[0], single.segment([frame], ALL)[0])
    assert told.engines[-1].get_tensor_shape('image')[0] == 3


def test_planes_that_the_engine_lacks_are_computed_from_the_scores(make: Make) -> None:
    with_planes, without = make(image_size=SIZE, planes=(0, 2)), make(image_size=SIZE)
    mixed = make(image_size=SIZE, planes=(2,))
    frame = images(1)[0]

    (expected,) = with_planes.segment([frame], ALL)

    for engine in (without, mixed):
        (got,) = engine.segment([frame], ALL)
        assert list(got.maps.planes) == [0, 2]
        for index in (0, 2):
            difference = got.maps.planes[index].astype(int) - expected.maps.planes[index]
            assert np.abs(difference).max() <= 2


def test_without_scores_other_planes_are_refused_and_the_rest_goes_on(make: Make) -> None:
    engine = make(image_size=SIZE, scores=False)

    with pytest.raises(EngineError, match=r'planes of classes \[2\]'):
        engine.segment(images(1), Wanted(planes=(2,)))
    with pytest.raises(EngineError, match='built without scores'):
        engine.segment(images(1), Wanted(scores=True))
    assert len(engine.segment(images(1), Wanted())) == 1


def test_thresholds_change_from_frame_to_frame(make: Make) -> None:
    engine = make(image_size=SIZE)
    frame = images(1)[0]

    def share(least: float) -> float:
        (got,) = engine.segment([frame], Wanted(drivable=(least, 1.0)))
        assert got.drivable_area is not None
        assert set(np.unique(got.drivable_area)) <= {0, 255}
        return float((got.drivable_area > 0).mean())

    assert share(0.0) > 0.05
    assert share(1.0) < share(0.0)
    assert share(0.0) > 0.05
