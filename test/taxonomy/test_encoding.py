# SPDX-License-Identifier: Apache-2.0
"""Ids and one-hot maps."""

from __future__ import annotations

import numpy as np
import pytest

from seg_node.taxonomy import from_one_hot, one_hot


def test_one_hot_round_trip_keeps_every_id_and_unlabelled() -> None:
    labels = np.array([[0, 1, 2], [255, 2, 0]], np.uint8)

    maps = one_hot(labels, 3)

    assert maps.shape == (3, 2, 3)
    assert maps.sum(axis=0).tolist() == [[1, 1, 1], [0, 1, 1]]
    assert np.array_equal(from_one_hot(maps), labels)


def test_one_hot_refuses_an_id_outside_the_classes() -> None:
    with pytest.raises(ValueError, match=r'ids \[3, 9\]; expected 0 to 2'):
        one_hot(np.array([[0, 3, 9, 255]], np.uint8), 3)
