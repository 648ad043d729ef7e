# SPDX-License-Identifier: Apache-2.0
"""Engines of the GPU whose results are wrong do not come into use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engines.standby_engine.frames import frames_until, serves

if TYPE_CHECKING:
    from engines.standby_engine.conftest import Open, Say

pytestmark = [pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]


@pytest.mark.parametrize('result', ['nan', 'wrong', 'stuck', 'impossible'])
def test_fp16_that_fails_the_self_check_is_replaced_by_fp32(
    result: str, fake_gpu: Say, standby: Open
) -> None:
    fake_gpu(results={'fp16': result})
    engine = standby()

    frames_until(engine, serves(engine, 'tensorrt'))

    described = engine.described()
    assert described['precision'] == 'fp32'
    assert (
        'fp32 instead of fp16: The self-check of tensorrt in fp16 failed:' in described['reason']
    )
    assert engine.trouble == ''


def test_cpu_serves_for_good_if_fp32_fails_the_self_check_too(
    fake_gpu: Say, standby: Open
) -> None:
    fake_gpu(results={'fp16': 'nan', 'fp32': 'wrong'})
    engine = standby()

    frames_until(engine, lambda: engine.gpu == 'off')

    reason = engine.described()['reason']
    assert engine.described()['engine'] == 'onnxruntime'
    assert 'in fp16 failed: scores are NaN or infinite.' in reason
    assert 'in fp32 failed: 0.0% of the labels are those of onnxruntime' in reason
    assert 'until the node is configured anew' in engine.trouble
