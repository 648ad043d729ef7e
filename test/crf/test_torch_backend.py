# SPDX-License-Identifier: Apache-2.0
"""The torch back end: what is its own besides the suite over all back ends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.crf import BilateralKernel, CrfOptions, GaussianKernel, refine, refine_labels
from seg_node.crf.brute_force import marginals as by_definition
from seg_node.errors import CrfError

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
