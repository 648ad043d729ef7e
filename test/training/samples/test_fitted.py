# SPDX-License-Identifier: Apache-2.0
"""Training sees things at the size at which the node shows them to the network."""

from __future__ import annotations

from typing import Literal, TYPE_CHECKING

import numpy as np
import pytest

from seg_node.datasets import Sample
from seg_node.imaging.fitting import Fitter, InputSpec
from seg_node.training.recipe.file import recipe_from
from seg_node.training.samples.fitted import FittedDataset
from seg_node.training.samples.samples import Draw, training_set
import tiny

if TYPE_CHECKING:
    from seg_node.taxonomy import Taxonomy

GREY = (127.0, 127.0, 127.0)


class Scene:
    """One tiny scene of a given size."""

    def __init__(self, rows: int, columns: int) -> None:
        """Draw it."""
        self._sample = Sample('one', *tiny.scene((rows, columns)))

    @property
    def taxonomy(self) -> Taxonomy:
        """Classes."""
        return tiny.TAXONOMY

    def __len__(self) -> int:
        """Count."""
        return 1

    def __getitem__(self, index: int) -> Sample:
        """Scene."""
        return self._sample


def spec(fit: Literal['letterbox', 'stretch'] = 'letterbox') -> InputSpec:
    return InputSpec(48, 64, fit, GREY, (1.0, 1.0, 1.0))


@pytest.mark.parametrize('fit', ['letterbox', 'stretch'])
@pytest.mark.parametrize('size', [(144, 256), (24, 32), (97, 51)])
def test_image_is_what_the_node_gives_to_the_network(
    size: tuple[int, int], fit: Literal['letterbox', 'stretch']
) -> None:
    scene = Scene(*size)
    batch, placement = Fitter(spec(fit))(scene[0].image)

    fitted = FittedDataset(scene, spec(fit))[0]

    assert np.array_equal(fitted.image.transpose(2, 0, 1), placement.crop(batch)[0])
    assert fitted.labels.shape == fitted.image.shape[:2]


def test_labels_stay_where_they_are_and_are_not_mixed() -> None:
    labels = np.zeros((96, 128), np.uint8)
    labels[:, 64:] = 9
    scene = Scene(96, 128)
    scene[0].labels[:] = labels

    fitted = FittedDataset(scene, spec())[0].labels

    assert np.array_equal(fitted, np.repeat([[0, 9]], 48, axis=0).repeat(32, axis=1))


def test_a_sample_of_that_size_already_is_left_alone() -> None:
    scene = Scene(48, 64)

    assert FittedDataset(scene, spec())[0] is scene[0]


@pytest.mark.parametrize('times', [1, 3])
def test_zoom_is_that_of_the_network_input_whatever_the_camera(times: int) -> None:
    still = dict.fromkeys(('flip', 'brightness', 'contrast', 'saturation', 'tint'), 0)
    recipe = recipe_from(
        {
            'name': 'still',
            'taxonomy': 'cityscapes19',
            'licence': {},
            'data': {'train': [{'dataset': 'x'}], 'val': {'dataset': 'x'}},
            'input': {'height': 48, 'width': 64},
            'augment': {
                **still,
                'crop': [48, 64],
                'scale': [1.0, 1.0],
                'gamma': 1.0,
                'blur': 0,
                'noise': 0,
            },
        }
    )
    scene = Scene(48 * times, 64 * times)

    samples = training_set(recipe, [scene], pytest.fail, padding=GREY, stride=1)
    got = samples.sample(Draw(0, 0, 0))

    batch, _ = Fitter(spec())(scene[0].image)
    assert np.abs(got.image.transpose(2, 0, 1) - batch[0]).max() <= 1
