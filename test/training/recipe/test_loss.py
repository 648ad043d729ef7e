# SPDX-License-Identifier: Apache-2.0
"""Wrong values of the part ``loss`` are told apart and named."""

from __future__ import annotations

from typing import Any

import pytest

from seg_node.errors import ParameterError
from seg_node.training.recipe.loss import BoundaryPart, LossPart, WeightsPart


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        ({'dice': -1.0}, 'loss.dice is -1.0; expected a number of at least 0'),
        ({'lovasz': float('nan')}, 'loss.lovasz is nan'),
        ({'focal': float('inf')}, 'loss.focal is inf'),
        ({'focal_gamma': -0.5}, 'loss.focal_gamma is -0.5'),
        ({'label_smoothing': 1.5}, 'loss.label_smoothing is 1.5; expected a number in 0..1'),
        ({'ohem_kept': 2.0}, 'loss.ohem_kept is 2.0'),
        ({'tversky_false_negatives': -1.0}, 'loss.tversky_false_negatives is -1.0'),
        ({'cross_entropy': 0.0, 'dice': 0.0}, 'Every factor of the loss is 0'),
    ],
)
def test_loss_part_names_a_wrong_value(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        LossPart(**options)


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        ({'clip': (-1.0, 2.0)}, 'class_weights.clip.0 is -1.0'),
        ({'clip': (2.0, 1.0)}, 'class_weights.clip.1 is 1.0; expected a number of at least 2'),
        ({'kind': 'given', 'given': {'road': -1.0}}, 'class_weights.given.road is -1.0'),
        ({'kind': 'enet', 'given': {'road': 1.0}}, "its kind is 'enet'; set the kind to 'given'"),
        ({'beta': 1.0}, 'class_weights.beta is 1.0; expected 0 < beta < 1'),
    ],
)
def test_weights_part_names_a_wrong_value(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        WeightsPart(**options)


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        ({'w0': -1.0}, 'loss.boundary.w0 is -1.0'),
        ({'sigma': 0.0}, 'loss.boundary.sigma is 0.0; expected more than 0 px'),
    ],
)
def test_boundary_part_names_a_wrong_value(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        BoundaryPart(**options)
