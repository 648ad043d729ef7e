# SPDX-License-Identifier: Apache-2.0
"""What an engine of TensorRT may be asked for, and what it says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engines.tensorrt_engine.frames import SIZE
from seg_node.engines.deployed_spec import DeployedSpec
from seg_node.engines.tensorrt.engine import TensorRTEngine, TensorRTOptions
from seg_node.errors import EngineError

if TYPE_CHECKING:
    from engines.tensorrt_engine.conftest import Make
    from recorded_cuda import RecordedCuda
    from seg_node.bundle import Bundle

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_tensorrt_rtx,
]


def test_choices_that_contradict_each_other_are_refused_before_opening(bundle: Bundle) -> None:
    with pytest.raises(EngineError, match='exactly one'):
        TensorRTEngine(bundle, options=TensorRTOptions(image_size=SIZE, sizes=(SIZE, SIZE, SIZE)))
    with pytest.raises(EngineError, match='range of batch'):
        TensorRTEngine(bundle, options=TensorRTOptions(image_size=SIZE, batch=(2, 1, 1)))


def test_the_best_precision_is_int8_only_where_the_bundle_has_it(bundle: Bundle) -> None:
    assert TensorRTEngine.best_precision(bundle) == 'fp16'
    assert TensorRTOptions(image_size=SIZE).spec('fp16') == DeployedSpec(SIZE)


def test_the_state_names_gpu_library_and_memory_without_asking_at_every_frame(
    make: Make, cuda: RecordedCuda
) -> None:
    engine = make(image_size=SIZE)

    told = engine.described()
    engine.described()

    assert told['device'].startswith('Stand-in GPU (8.9), TensorRT for RTX 1.')
    assert told['gpu_memory'] == '2048 of 8192 MiB'
    assert told['engine'] == 'tensorrt'
    assert cuda.count('cudaMemGetInfo') == 1
