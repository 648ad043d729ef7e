# SPDX-License-Identifier: Apache-2.0
"""The recipe of the tutorials for pydensecrf, done right and done wrong.

The tutorials take the scores of a network as (H, W, N), make energies of them with
``unary_from_softmax``, add the two kernels and ask for five iterations.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from crf.scenes import street
from seg_node.crf import preset, refine
from seg_node.errors import CrfError

if TYPE_CHECKING:
    import numpy.typing as npt

pytestmark = pytest.mark.needs_crf
CLASSIC = replace(preset('classic'), backend='pydensecrf')


def recipe(energy: npt.NDArray[np.float32], image: npt.NDArray[np.uint8]) -> Any:
    """Return (N, H, W) marginals as a tutorial does from (N, pixels) energies."""
    from pydensecrf import densecrf  # noqa: PLC0415 - optional

    height, width = image.shape[:2]
    field = densecrf.DenseCRF2D(width, height, len(energy))
    field.setUnaryEnergy(np.ascontiguousarray(energy))
    field.addPairwiseGaussian(sxy=3, compat=3)
    field.addPairwiseBilateral(sxy=80, srgb=13, rgbim=image, compat=10)
    return np.array(field.inference(5)).reshape(len(energy), height, width)


def energy_of(softmax: npt.NDArray[np.float32], **options: Any) -> npt.NDArray[np.float32]:
    from pydensecrf.utils import unary_from_softmax  # noqa: PLC0415 - optional

    energy: npt.NDArray[np.float32] = unary_from_softmax(softmax, **options)
    return energy


def test_the_classic_preset_is_the_recipe() -> None:
    probabilities, image = street(5, 48, 64)

    got = refine(probabilities, image, CLASSIC)

    np.testing.assert_allclose(got, recipe(energy_of(probabilities), image), atol=1e-5)


def test_reshaping_channels_last_without_transposing_scrambles() -> None:
    """(H, W, N) must become (N, H, W) before (N, pixels); a reshape to (N, -1) mixes all axes."""
    probabilities, image = street(5, 48, 64)
    channels_last = np.moveaxis(probabilities, 0, -1).copy()
    truth = probabilities.argmax(axis=0)

    scrambled = channels_last.reshape(5, -1)
    right = np.moveaxis(channels_last, -1, 0).reshape(5, -1)
    # Not the answer to the wrong shape (-1, N) either: that is one row for each pixel.
    rows = channels_last.reshape(-1, 5)

    assert np.array_equal(right, rows.T)
    assert np.array_equal(right, probabilities.reshape(5, -1))
    # pydensecrf takes it without a word; what comes out has little to do with the scene.
    assert (recipe(energy_of(right), image).argmax(axis=0) == truth).mean() > 0.7
    assert (recipe(-np.log(scrambled), image).argmax(axis=0) == truth).mean() < 0.4
    with pytest.raises(CrfError, match='with classes first'):
        refine(scrambled.reshape(probabilities.shape), image, CLASSIC)


def test_the_clip_is_that_of_the_helper_and_not_of_the_tutorials() -> None:
    """The helper clips at 1e-5; many tutorials add 1e-8 before their logarithm.

    A class that the network rules out costs 11.5 at 1e-5 and 18.4 at 1e-8. The kernels of the
    recipe together weigh 13: so one speck of certainty is overruled by its neighbours or not.
    """
    certain = np.zeros((2, 40, 40), np.float32)
    certain[0] = 1
    certain[:, 20, 20] = 0, 1
    image = np.full((40, 40, 3), 90, np.uint8)

    helper = energy_of(certain)
    tutorial = -np.log(certain + np.float32(1e-8)).reshape(2, -1)

    assert helper.max() == pytest.approx(11.51, abs=0.01)
    assert tutorial.max() == pytest.approx(18.42, abs=0.01)
    with_helper = refine(certain, image, CLASSIC)
    with_tutorial = refine(certain, image, replace(CLASSIC, clip=1e-8))
    np.testing.assert_allclose(with_helper, recipe(helper, image), atol=1e-5)
    np.testing.assert_allclose(with_tutorial, recipe(tutorial, image), atol=1e-4)
    assert with_helper[:, 20, 20].argmax() == 0
    assert with_tutorial[:, 20, 20].argmax() == 1
