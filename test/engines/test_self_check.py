# SPDX-License-Identifier: Apache-2.0
"""The comparison that an engine has to pass before it gets a frame."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from seg_node.bundle import open_bundle
from seg_node.engines.fake_engine import FakeEngine
from seg_node.engines.onnx_engine import OnnxEngine
from seg_node.engines.self_check import check_images, self_check

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Float32Array = npt.NDArray[np.float32]

pytestmark = pytest.mark.needs_onnxruntime

SIZE = (180, 240)


@pytest.fixture(scope='module')
def trusted() -> Iterator[OnnxEngine]:
    """The default bundle, whose network is a real one."""
    with OnnxEngine(open_bundle('default'), threads=1) as engine:
        yield engine


def check(trusted: OnnxEngine, change: Any) -> str:
    """Return the fault of an engine that gives the trusted one's scores, changed."""
    changed = FakeEngine(trusted.bundle, lambda batch: change(trusted.infer(batch)))
    with changed:
        return self_check(changed, trusted, SIZE)


def test_same_scores_pass(trusted: OnnxEngine) -> None:
    assert check(trusted, lambda scores: scores) == ''


def test_rounding_to_half_precision_passes(trusted: OnnxEngine) -> None:
    def half(scores: Float32Array) -> Float32Array:
        return scores.astype(np.float16).astype(np.float32)

    assert check(trusted, half) == ''


def test_noise_as_large_as_the_scores_of_close_classes_does_not(trusted: OnnxEngine) -> None:
    rng = np.random.default_rng(0)

    def noisy(scores: Float32Array) -> Float32Array:
        return scores + rng.normal(0.0, 4.0, scores.shape).astype(np.float32)

    assert 'of the labels are those of onnxruntime; expected at least 98%' in check(trusted, noisy)


def test_right_labels_with_wrong_confidences_do_not(trusted: OnnxEngine) -> None:
    fault = check(trusted, lambda scores: scores * np.float32(0.2))

    assert 'of the confidences are within 16 of those of onnxruntime' in fault


def test_images_differ_and_come_back() -> None:
    first, second, third = check_images(SIZE)

    assert not np.array_equal(first, second)
    assert np.array_equal(first, third)
