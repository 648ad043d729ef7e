# SPDX-License-Identifier: Apache-2.0
"""Weights in half precision keep what their filters answer to an even surface."""

from __future__ import annotations

import numpy as np

from seg_node.bundle.half_weights import as_half


def test_sum_of_a_filter_is_kept_where_rounding_alone_loses_it() -> None:
    """Large weights that cancel each other, as those of an edge filter."""
    rng = np.random.default_rng(0)
    filters = rng.normal(0, 20, (64, 1, 3, 3)).astype(np.float32)
    filters -= filters.mean(axis=(2, 3), keepdims=True)

    rounded = as_half(filters)

    sums = filters.astype(np.float64).sum(axis=(2, 3))
    lost = np.abs(rounded.astype(np.float64).sum(axis=(2, 3)) - sums)
    plain = np.abs(filters.astype(np.float16).astype(np.float64).sum(axis=(2, 3)) - sums)
    smallest = np.abs(filters).min(axis=(2, 3))
    assert rounded.dtype == np.float16
    assert (lost <= np.spacing((2 * smallest + 1e-2).astype(np.float16))).all()
    assert lost.mean() < plain.mean() / 5


def test_no_weight_moves_by_more_than_one_step() -> None:
    rng = np.random.default_rng(1)
    filters = rng.normal(0, 1, (16, 4, 5, 5)).astype(np.float32)

    rounded = as_half(filters).astype(np.float32)

    order = np.sort(np.abs(filters).reshape(16, 4, -1), axis=2)[..., ::-1]
    step = np.spacing(np.abs(filters).astype(np.float16)).astype(np.float32)
    coarsest = np.spacing(order[..., 0].astype(np.float16)).astype(np.float32)[..., None, None]
    assert (np.abs(rounded - filters) <= np.maximum(step, coarsest)).all()
    assert np.median(np.abs(rounded - filters) / step) < 0.5


def test_small_numbers_do_not_become_zero_and_large_ones_stay_finite() -> None:
    values = np.array([0.0, 1e-12, -1e-12, 1e9, -np.inf, 0.1], np.float32)

    rounded = as_half(values)

    assert np.isfinite(rounded).all()
    assert np.array_equal(rounded != 0, values != 0)
    assert np.array_equal(np.sign(rounded), np.sign(values))
    assert rounded[3] == np.finfo(np.float16).max


def test_matrices_and_pointwise_filters_are_rounded_to_the_nearest() -> None:
    rng = np.random.default_rng(2)
    for shape in ((7,), (5, 6), (8, 9, 1, 1)):
        values = rng.normal(0, 1, shape).astype(np.float32)
        np.testing.assert_array_equal(as_half(values), values.astype(np.float16))
