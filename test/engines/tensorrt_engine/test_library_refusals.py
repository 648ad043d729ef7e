# SPDX-License-Identifier: Apache-2.0
"""What NVIDIA's library refuses, and engines that are not ours, are errors that say why."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import pytest

from engines.tensorrt_engine.frames import SIZE
from seg_node.errors import DeviceError, EngineError, EngineUnavailableError, TensorMismatchError

if TYPE_CHECKING:
    from types import SimpleNamespace

    from engines.tensorrt_engine.conftest import Make
    from recorded_cuda import RecordedCuda

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_tensorrt_rtx,
]


@pytest.mark.parametrize('cuda', ['late'], indirect=True)
@pytest.mark.parametrize('what', ['context', 'shape', 'address', 'run'])
def test_refusals_of_the_library_are_errors_that_free_everything(
    make: Make, told: Any, cuda: RecordedCuda, what: str
) -> None:
    told.changes.append(lambda engine: setattr(engine, 'refuses', what))

    with pytest.raises(EngineError, match='TensorRT could not'):
        make(image_size=SIZE)

    assert cuda.live == {}


def test_an_engine_with_other_tensors_is_refused_by_name(make: Make, told: Any) -> None:
    def rename(engine: Any) -> None:
        engine.ports['mask'] = engine.ports.pop('labels')

    told.changes.append(rename)

    with pytest.raises(TensorMismatchError, match=r"'labels': expected output uint8 .* got none"):
        make(image_size=SIZE)


@pytest.mark.parametrize('cuda', ['late'], indirect=True)
def test_tensorrt_for_rtx_refuses_a_gpu_that_it_does_not_know(
    make: Make, cuda: RecordedCuda
) -> None:
    cuda.capability = (9, 0)

    with pytest.raises(EngineUnavailableError, match=r'does not support .*9\.0'):
        make(image_size=SIZE)


def test_driver_that_is_too_old_for_the_library_is_named(
    make: Make, told: SimpleNamespace
) -> None:
    told.old_driver = 'CUDA initialization failure with error: 35.'

    with pytest.raises(DeviceError, match=r'cannot run here: CUDA init.* Update the driver'):
        make(image_size=SIZE)
