# SPDX-License-Identifier: Apache-2.0
"""Class weights from counts that one can do in the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.datasets.base import Sample
from seg_node.errors import TaxonomyError
from seg_node.training.recipe.loss import WeightsPart
from seg_node.training.weights import class_weights as module
from seg_node.training.weights.class_weights import (
    class_weights,
    count_pixels,
    counts_of,
    formula_weights,
    PixelCounts,
    recipe_weights,
)
from tiny import TAXONOMY

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.taxonomy import Taxonomy

OPEN = (1e-9, 1e9)


@dataclass(frozen=True)
class Listed:
    """A data set of the samples given."""

    samples: list[Sample]
    taxonomy: Taxonomy = TAXONOMY

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        """Return a sample."""
        return self.samples[index]


def counts(*pixels: int) -> PixelCounts:
    return PixelCounts(np.array(pixels), np.array([sum(pixels) if n else 0 for n in pixels]))


def test_count_pixels_counts_classes_and_the_images_that_show_them() -> None:
    first = np.array([[0, 0, 1, 255]], np.uint8)
    second = np.array([[0, 0, 0, 0]], np.uint8)

    got = count_pixels([first, second], classes=3)

    assert got.pixels.tolist() == [6, 1, 0]
    assert got.seen.tolist() == [7, 3, 0]


def test_inverse_and_balanced_weights_are_the_same_after_scaling() -> None:
    some = counts(60, 30, 10)

    inverse = class_weights(some, WeightsPart('inverse', clip=OPEN))
    balanced = class_weights(some, WeightsPart('balanced', clip=OPEN))

    assert np.allclose(inverse, balanced)
    assert np.allclose(inverse, [1 / 1.8, 1 / 0.9, 1 / 0.3])


def test_median_weight_of_the_median_class_is_one_before_scaling() -> None:
    some = counts(60, 30, 10)

    weights = class_weights(some, WeightsPart('median', clip=OPEN))

    assert np.allclose(weights / weights[1], [0.5, 1.0, 3.0])


def test_enet_weights_follow_their_formula_up_to_scale() -> None:
    some = counts(98, 2)

    weights = class_weights(some, WeightsPart('enet', clip=OPEN))

    assert weights[1] / weights[0] == pytest.approx(np.log(1.02 + 0.98) / np.log(1.02 + 0.02))


def test_effective_weights_follow_their_formula_up_to_scale() -> None:
    some = counts(3, 1)

    weights = class_weights(some, WeightsPart('effective', beta=0.5, clip=OPEN))

    # effective numbers (1 - 0.5^n) / (1 - 0.5): 1.75 and 1
    assert weights[1] / weights[0] == pytest.approx(1.75)


def test_effective_weights_near_beta_one_are_inverse_weights() -> None:
    some = counts(600, 300, 10)

    effective = class_weights(some, WeightsPart('effective', beta=1 - 1e-12, clip=OPEN))

    assert np.allclose(effective, class_weights(some, WeightsPart('inverse', clip=OPEN)), 1e-3)


@pytest.mark.parametrize('kind', ['none', 'inverse', 'balanced', 'median', 'enet', 'effective'])
def test_mean_weight_over_pixels_is_one(kind: str) -> None:
    some = counts(500, 300, 20, 0)

    weights = class_weights(some, WeightsPart(kind, power=0.7, clip=OPEN))  # type: ignore[arg-type]

    assert (weights * some.pixels).sum() / some.pixels.sum() == pytest.approx(1.0)
    assert weights[3] == 1.0


def test_weights_are_flattened_and_clipped() -> None:
    some = counts(81, 1)

    weights = class_weights(some, WeightsPart('inverse', power=0.5, clip=(0.5, 3.0)))

    assert weights[1] == 3.0
    assert weights[0] == pytest.approx(max(0.5, 1 / (81 / 82 + 9 / 82)))


def test_recipe_weights_refuse_an_unknown_class() -> None:
    options = WeightsPart('given', given={'raod': 0.5})

    with pytest.raises(TaxonomyError, match='raod'):
        recipe_weights(options, TAXONOMY, lambda: counts(1, 1, 1))


def test_recipe_weights_take_the_formula_of_the_counts() -> None:
    options = WeightsPart('inverse', clip=OPEN)

    weights = recipe_weights(options, TAXONOMY, lambda: counts(60, 30, 10))

    assert np.allclose(weights, class_weights(counts(60, 30, 10), options))


def listed(*ids: int) -> Listed:
    """Return a data set of one image of one row."""
    image = np.zeros((1, len(ids), 3), np.uint8)
    return Listed([Sample('one', image, np.array([ids], np.uint8))])


def test_counts_of_a_data_set_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = counts_of('0', listed(0, 0, 2, 255), tmp_path)
    monkeypatch.setattr(module, 'count_dataset', lambda _: pytest.fail('counted twice'))
    again = counts_of('0', listed(0, 0, 2, 255), tmp_path)

    assert first.pixels.tolist() == again.pixels.tolist() == [2, 0, 1]
    assert first.seen.tolist() == again.seen.tolist() == [3, 0, 3]
    assert [path.name for path in tmp_path.iterdir()] == ['pixels_0.json']


def test_counts_of_other_data_are_not_taken(tmp_path: Path) -> None:
    counts_of('0', listed(0, 0, 2, 255), tmp_path)

    other = counts_of('0', listed(1, 1, 1, 1), tmp_path)

    assert other.pixels.tolist() == [0, 4, 0]


@pytest.mark.parametrize(
    ('kind', 'expected'),
    [
        ('inverse', [100 / 60, 100 / 30, 100 / 10]),
        ('balanced', [100 / 180, 100 / 90, 100 / 30]),
        ('median', [0.5, 1.0, 3.0]),
        ('enet', [1 / np.log(1.62), 1 / np.log(1.32), 1 / np.log(1.12)]),
        ('effective', [0.5 / (1 - 0.5**60), 0.5 / (1 - 0.5**30), 0.5 / (1 - 0.5**10)]),
    ],
)
def test_formulae_give_the_numbers_of_their_papers(kind: str, expected: list[float]) -> None:
    assert formula_weights(counts(60, 30, 10), kind, beta=0.5) == pytest.approx(expected)
