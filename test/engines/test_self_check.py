# SPDX-License-Identifier: Apache-2.0
"""The comparison that an engine has to pass before it gets a frame."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from seg_node.bundle import open_bundle
from seg_node.engines.fake_engine import FakeEngine
from seg_node.engines.onnx_engine import OnnxEngine
from seg_node.engines.standby.self_check import check_images, self_check

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from seg_node.engines.base import Inferred, Wanted

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

    assert 'of the levels of confidence are within 16 of those of onnxruntime' in fault


@pytest.mark.slow  # half precision is slow on a processor
@pytest.mark.needs_torch
@pytest.mark.parametrize('name', ['default', 'procedural'])
def test_shipped_networks_pass_in_fp16_and_not_in_bfloat16(name: str) -> None:
    import torch  # noqa: PLC0415  # only this test needs it

    from seg_node.engines.torch_engine import trained_network  # noqa: PLC0415

    def faults_of(kind: torch.dtype) -> str:
        network = trained_network(open_bundle(name)).to(kind)

        def run(batch: Float32Array) -> Float32Array:
            with torch.inference_mode():
                scores: Float32Array = network(torch.from_numpy(batch).to(kind)).float().numpy()
            return scores

        bundle = open_bundle(name)
        with OnnxEngine(bundle) as reference, FakeEngine(bundle, run) as rounded:
            return self_check(rounded, reference, (720, 1280))

    assert faults_of(torch.float16) == ''
    assert 'of the labels are those of onnxruntime' in faults_of(torch.bfloat16)


class Painted(FakeEngine):
    """Calls everything drivable."""

    def _segment(self, images: Any, wanted: Wanted) -> list[Inferred]:
        found = super()._segment(images, wanted)
        return [replace(one, drivable_area=np.full_like(one.maps.labels, 255)) for one in found]


def test_drivable_area_that_contradicts_the_labels_does_not(trusted: OnnxEngine) -> None:
    with Painted(trusted.bundle, trusted.infer) as painted:
        fault = self_check(painted, trusted, SIZE)

    assert 'of the drivable area contradicts labels, confidence and entropy' in fault


def test_probe_is_tried_from_both_sides_and_once_more(trusted: OnnxEngine) -> None:
    probe, mirrored = check_images(SIZE)
    seen: list[Any] = []

    class Watched(FakeEngine):
        """Remembers its images."""

        def _segment(self, images: Any, wanted: Wanted) -> list[Inferred]:
            seen.extend(images)
            return super()._segment(images, wanted)

    with Watched(trusted.bundle, trusted.infer) as watched:
        assert self_check(watched, trusted, SIZE) == ''

    assert not np.array_equal(probe, mirrored)
    assert len(seen) == 3
    for image, expected in zip(seen, (probe, mirrored, probe), strict=True):
        assert np.array_equal(image, expected)
