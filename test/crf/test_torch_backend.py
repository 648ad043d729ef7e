# SPDX-License-Identifier: Apache-2.0
"""The torch back end: what is its own besides the suite over all back ends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.crf import (
    BilateralKernel,
    CrfOptions,
    GaussianKernel,
    refine,
    refine_labels,
    refine_scores,
)
from seg_node.crf.brute_force import marginals as by_definition
from seg_node.errors import CrfError
from seg_node.imaging import finish, InputSpec, place
from seg_node.imaging.device_scores import DeviceScores

if TYPE_CHECKING:
    import numpy.typing as npt

torch = pytest.importorskip('torch')

OPTIONS = CrfOptions(
    kernels=(GaussianKernel(2.0, 1.5), BilateralKernel(9.0, 20.0, (4.0, 3.0, 5.0))),
    backend='torch',
)
pytestmark = pytest.mark.needs_torch


def scene(seed: int = 0) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """Return probabilities that are a pixel off, and the image of two surfaces with grain."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 12, (18, 24, 3))
    image[:, 11:] += 120
    probabilities = rng.dirichlet([2.0, 1.0, 1.0], (18, 24))
    probabilities[:, 12:] = probabilities[:, 12:, [1, 0, 2]]
    return np.moveaxis(probabilities, -1, 0).astype(np.float32), image.astype(np.uint8)


def test_marginals_are_close_to_the_definition_and_labels_are_theirs() -> None:
    """As close as the lattice is; the layer itself is compared with exact filters elsewhere."""
    probabilities, image = scene()

    refined = refine(probabilities, image, OPTIONS)

    expected = by_definition(probabilities, image, OPTIONS)
    assert refined.dtype == np.float32
    assert np.abs(refined - expected).max() < 0.1
    assert np.abs(refined - expected).mean() < 0.01
    assert np.abs(refined - probabilities).mean() > 0.1
    assert (refine_labels(probabilities, image, OPTIONS) == refined.argmax(0)).all()


@pytest.mark.needs_crf
def test_bilateral_kernel_is_that_of_pydensecrf() -> None:
    """Both filter on the same lattice."""
    pytest.importorskip('pydensecrf')
    probabilities, image = scene()
    options = replace(OPTIONS, kernels=(BilateralKernel(9.0, 20.0, 6.0),))

    refined = refine(probabilities, image, options)

    reference = refine(probabilities, image, replace(options, backend='pydensecrf'))
    assert np.abs(refined - reference).max() < 1e-4


def test_probabilities_of_zero_count_as_the_clip() -> None:
    probabilities, image = scene()
    probabilities[2] = 0
    probabilities /= probabilities.sum(0)

    refined = refine(probabilities, image, OPTIONS)

    assert np.isfinite(refined).all()
    expected = by_definition(probabilities, image, OPTIONS)
    assert np.abs(refined - expected).max() < 0.1


def test_threads_of_torch_are_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    probabilities, image = scene()
    before = torch.get_num_threads()
    asked: list[int] = []
    monkeypatch.setattr(torch, 'set_num_threads', asked.append)

    refine(probabilities, image, replace(OPTIONS, threads=3))

    assert asked == [3, before]


def test_full_device_is_an_error_of_the_crf(monkeypatch: pytest.MonkeyPatch) -> None:
    from seg_node.model.mean_field import MeanField  # noqa: PLC0415 - torch may be absent

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(MeanField, 'forward', full)

    with pytest.raises(CrfError, match='ran out of memory on'):
        refine(*scene(), OPTIONS)


@pytest.mark.parametrize('margin', [None, 0.5], ids=['whole', 'margin'])
def test_scores_on_a_device_are_refined_there(
    monkeypatch: pytest.MonkeyPatch, margin: float | None
) -> None:
    """With a margin they are fetched, to see where the network is sure; without, they stay."""
    rng = np.random.default_rng(0)
    spec = InputSpec(48, 64, 'letterbox', (127.0,) * 3, (128.0,) * 3)
    placement = place((60, 100), spec)
    image = rng.integers(0, 256, (60, 100, 3)).astype(np.uint8)
    scores = np.kron(rng.normal(0, 2, (3, 6, 8)), np.ones((1, 4, 4))).astype(np.float32)
    options = replace(OPTIONS, margin=margin)
    expected = refine_scores(scores, placement, 1.5, image, options)
    there = DeviceScores(torch.from_numpy(scores))
    if margin is None:
        monkeypatch.setattr(DeviceScores, '__array__', pytest.fail)

    labels = refine_scores(there, placement, 1.5, image, options)

    plain = finish(scores, placement, temperature=1.5).labels
    assert (labels != plain).mean() > 0.01
    assert (labels == expected).mean() > 0.999


def test_scores_on_a_device_that_are_no_numbers_are_refused() -> None:
    spec = InputSpec(48, 64, 'stretch', (127.0,) * 3, (128.0,) * 3)
    scores = torch.full((3, 24, 32), float('nan'))
    image = np.zeros((48, 64, 3), np.uint8)

    with pytest.raises(CrfError, match='NaN or infinite'):
        refine_scores(DeviceScores(scores), place((48, 64), spec), 1.0, image, OPTIONS)


def test_other_back_ends_fetch_scores_from_the_device() -> None:
    rng = np.random.default_rng(0)
    spec = InputSpec(48, 64, 'stretch', (127.0,) * 3, (128.0,) * 3)
    scores = rng.normal(0, 2, (3, 24, 32)).astype(np.float32)
    image = rng.integers(0, 256, (48, 64, 3)).astype(np.uint8)
    options = replace(OPTIONS, backend='numpy')

    there = DeviceScores(torch.from_numpy(scores))

    np.testing.assert_array_equal(
        refine_scores(there, place((48, 64), spec), 1.0, image, options),
        refine_scores(scores, place((48, 64), spec), 1.0, image, options),
    )
