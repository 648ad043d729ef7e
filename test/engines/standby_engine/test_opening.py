# SPDX-License-Identifier: Apache-2.0
"""Which engine and precision are served, by name or by auto, and why not another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engines.standby_engine.frames import frames_until, serves
from fake_gpu import FakeGpu
from seg_node.engines.onnx_engine import OnnxEngine
from seg_node.engines.serving import open_for_serving
from seg_node.engines.standby.engine import StandbyEngine
from seg_node.errors import BundleError, EngineError, EngineUnavailableError

if TYPE_CHECKING:
    from engines.standby_engine.conftest import Say
    from seg_node.bundle import Bundle

pytestmark = [pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]


def test_missing_gpu_is_an_error_by_name_and_a_reason_for_auto(
    fake_gpu: Say, bundle: Bundle
) -> None:
    fake_gpu(missing='There is no GPU here. Buy one.')

    with pytest.raises(EngineUnavailableError, match=r"'tensorrt' cannot .* Buy one\. With auto"):
        open_for_serving('tensorrt', bundle)
    with open_for_serving('auto', bundle) as engine:
        assert isinstance(engine, OnnxEngine)
        assert engine.reason.startswith('auto: onnxruntime is the best engine that works here.')
        assert 'tensorrt: There is no GPU here. Buy one.' in engine.reason


def test_auto_takes_the_gpu_and_says_so(fake_gpu: Say, bundle: Bundle) -> None:
    fake_gpu()

    with open_for_serving('auto', bundle) as engine:
        assert isinstance(engine, StandbyEngine)
        assert engine.reason == (
            'auto: tensorrt is the best engine that works here: Fake library 1.0 on fake GPU.'
        )


@pytest.mark.parametrize(
    ('asked', 'on_gpu', 'on_cpu'),
    [('auto', 'fp16', 'fp32'), ('fp16', 'fp16', 'fp32'), ('fp32', 'fp32', 'fp32')],
)
def test_precision_is_that_of_the_gpu_and_the_closest_on_the_cpu(
    asked: str, on_gpu: str, on_cpu: str, fake_gpu: Say, bundle: Bundle
) -> None:
    fake_gpu()

    with open_for_serving('tensorrt', bundle, precision=asked) as engine:
        assert isinstance(engine, StandbyEngine)
        assert engine.precision == on_cpu
        engine.start()
        frames_until(engine, serves(engine, 'tensorrt'))
        assert engine.precision == on_gpu


def test_bundle_without_the_file_is_an_error_by_name_and_a_reason_for_auto(
    fake_gpu: Say, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_gpu()

    with pytest.raises(BundleError, match=r'model\.int8\.trt\.onnx'):
        open_for_serving('tensorrt', bundle, precision='int8')

    def lacking(*_: object) -> None:
        msg = 'The bundle has no weights. Train some.'
        raise BundleError(msg)

    monkeypatch.setattr(FakeGpu, 'check_bundle', lacking)
    with open_for_serving('auto', bundle) as engine:
        assert engine.name == 'onnxruntime'
        assert 'tensorrt: The bundle has no weights. Train some.' in engine.reason


def test_auto_in_half_precision_without_a_gpu_says_what_became_of_the_gpus(
    fake_gpu: Say, bundle: Bundle
) -> None:
    fake_gpu(missing='There is no GPU here. Buy one.')

    with pytest.raises(EngineError, match=r"'fp16'.*tensorrt: There is no GPU here. Buy one\."):
        open_for_serving('auto', bundle, precision='fp16')


def test_precision_that_no_gpu_has_is_an_error(fake_gpu: Say, bundle: Bundle) -> None:
    fake_gpu()

    with pytest.raises(EngineError, match=r"'tensorrt': 'fp8'; expected one of auto, fp16, fp32"):
        open_for_serving('tensorrt', bundle, precision='fp8')
