# SPDX-License-Identifier: Apache-2.0
"""The weighted sum of losses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor

from seg_node.training.losses import combination
from seg_node.training.losses.combination import SegmentationLoss
from seg_node.training.losses.overlap import tversky_loss
from seg_node.training.losses.pixelwise import cross_entropy, focal_loss, hard_pixel_loss
from seg_node.training.recipe.loss import BoundaryPart, FACTORS, LossPart
from seg_node.training.weights.weight_maps import boundary_factors
from training.losses.loss_cases import LOSSES, one_hot_maps, random_case, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Callable

PIXELWISE: dict[str, Callable[..., Tensor]] = {
    'cross_entropy': cross_entropy,
    'focal': focal_loss,
    'ohem': hard_pixel_loss,
}


def alone(**changes: float) -> LossPart:
    """Return options whose factors are 0 except those given."""
    return LossPart(**{**dict.fromkeys(FACTORS, 0.0), **changes})  # type: ignore[arg-type]


def test_loss_is_the_weighted_sum_of_its_parts() -> None:
    scores, labels = random_case(1)
    factors = {name: 0.1 * place for place, name in enumerate(FACTORS, 1)}

    loss = SegmentationLoss(WEIGHTS, LossPart(**factors))(scores, labels)  # type: ignore[arg-type]

    parts = {
        name: SegmentationLoss(WEIGHTS, alone(**{name: 1.0}))(scores, labels) for name in factors
    }
    assert len({round(float(part), 4) for part in parts.values()}) == len(FACTORS)
    assert torch.isclose(loss, torch.stack([factors[n] * parts[n] for n in factors]).sum())


@pytest.mark.parametrize('name', ['dice', 'jaccard', 'tversky', 'lovasz'])
def test_single_factor_gives_the_regional_loss_of_its_name(name: str) -> None:
    scores, labels = random_case(2)

    loss = SegmentationLoss(WEIGHTS, alone(**{name: 0.5}))(scores, labels)

    assert torch.isclose(loss, 0.5 * LOSSES[name](scores, labels))


def test_loss_of_factor_zero_is_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> Tensor:
        msg = 'computed for nothing'
        raise AssertionError(msg)

    unused = ('focal_loss', 'hard_pixel_loss', 'jaccard_loss', 'tversky_loss', 'lovasz_softmax')
    for name in (*unused, 'boundary_factors'):
        monkeypatch.setattr(combination, name, refuse)

    loss = SegmentationLoss(WEIGHTS, LossPart())(*random_case(2))

    assert float(loss) > 0


def test_settings_reach_their_losses() -> None:
    scores, labels = random_case(3)
    logs = scores.log_softmax(1)

    def of(**options: float) -> float:
        return float(SegmentationLoss(WEIGHTS, alone(**options))(scores, labels))

    assert of(cross_entropy=1.0, label_smoothing=0.1) == pytest.approx(
        float(cross_entropy(logs, labels, weights=WEIGHTS, label_smoothing=0.1))
    )
    assert of(focal=1.0, focal_gamma=3.0) == pytest.approx(
        float(focal_loss(logs, labels, weights=WEIGHTS, gamma=3.0))
    )
    assert of(ohem=1.0, ohem_threshold=0.1, ohem_kept=0.4) == pytest.approx(
        float(hard_pixel_loss(logs, labels, weights=WEIGHTS, threshold=0.1, kept=0.4))
    )
    assert of(
        tversky=1.0, tversky_false_positives=0.2, tversky_false_negatives=0.9
    ) == pytest.approx(
        float(tversky_loss(logs.exp(), labels, false_positives=0.2, false_negatives=0.9))
    )


@pytest.mark.parametrize('form', ['ids', 'maps'])
@pytest.mark.parametrize('name', ['cross_entropy', 'focal', 'ohem'])
def test_pixels_near_boundaries_weigh_more(name: str, form: str) -> None:
    scores, labels = random_case(5)
    boundary = BoundaryPart(w0=3.0, sigma=2.0)
    options = replace(alone(**{name: 1.0}), boundary=boundary)

    loss = SegmentationLoss(WEIGHTS, options, stride=2)(
        scores, labels if form == 'ids' else one_hot_maps(labels)
    )

    maps = [boundary_factors(one, boundary, spacing=2) for one in labels.byte().numpy()]
    expected = PIXELWISE[name](
        scores.log_softmax(1),
        labels,
        weights=WEIGHTS,
        pixel_weights=torch.from_numpy(np.stack(maps)),
    )
    assert torch.isclose(loss, expected)
    assert not torch.isclose(loss, SegmentationLoss(WEIGHTS, alone(**{name: 1.0}))(scores, labels))


def test_coarser_scores_count_their_factor_against_labels_at_their_centres() -> None:
    labels = torch.randint(0, 4, (2, 8, 12), generator=torch.Generator().manual_seed(8))
    main, coarse, coarsest = (torch.randn(2, 4, 8 // n, 12 // n) for n in (1, 2, 4))
    one = SegmentationLoss(WEIGHTS, LossPart())
    deep = SegmentationLoss(WEIGHTS, LossPart(auxiliary=0.4))

    loss = deep([main, coarse, coarsest], labels)

    others = one(coarse, labels[:, 1::2, 1::2]) + one(coarsest, labels[:, 2::4, 2::4])
    assert torch.isclose(loss, one(main, labels) + 0.4 * others / 2)
    assert torch.isclose(one([main, coarse, coarsest], labels), one(main, labels))


def test_boundaries_of_coarser_scores_are_measured_in_pixels_of_the_image() -> None:
    labels = torch.zeros(1, 4, 16, dtype=torch.int64)
    labels[..., 8:] = 1
    scores = torch.randn(1, 4, 2, 8)
    boundary = BoundaryPart(w0=3.0, sigma=5.0)

    loss = SegmentationLoss(
        WEIGHTS, replace(alone(cross_entropy=1.0), boundary=boundary), stride=2
    )(scores, labels)

    coarse = labels[:, 1::2, 1::2]
    factors = boundary_factors(coarse[0].byte().numpy(), boundary, spacing=4)
    expected = cross_entropy(
        scores.log_softmax(1),
        coarse,
        weights=WEIGHTS,
        pixel_weights=torch.from_numpy(factors)[None],
    )
    assert torch.isclose(loss, expected)


def test_losses_are_taken_in_single_precision_under_autocast() -> None:
    scores, labels = random_case(4)
    loss = SegmentationLoss(WEIGHTS, LossPart(lovasz=1.0))

    with torch.autocast('cpu', torch.bfloat16):
        mixed = loss(scores, labels)

    assert mixed.dtype == torch.float32
    assert torch.equal(mixed, loss(scores, labels))
