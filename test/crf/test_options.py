# SPDX-License-Identifier: Apache-2.0
"""CRF options: what they refuse, and that plain data keeps all of them."""

from __future__ import annotations

import json
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from seg_node.crf import (
    BilateralKernel,
    compat_matrix,
    CrfOptions,
    from_plain,
    GaussianKernel,
    preset,
    to_plain,
)
from seg_node.errors import CrfError

if TYPE_CHECKING:
    from collections.abc import Callable

STACKED = CrfOptions(
    kernels=(
        GaussianKernel(2.0, (1.0, 2.0, 3.0)),
        BilateralKernel(8.0, 20.0, ((2.0, -1.0, 0.0), (-1.0, 3.0, 0.5), (0.0, 0.5, 4.0))),
        BilateralKernel(80.0, 13.0, 10.0),
    ),
    iterations=7,
    clip=1e-8,
    mode='exact',
    resolution='network',
    backend='numpy',
    threads=3,
)


@pytest.mark.parametrize('options', [STACKED, preset('classic')], ids=['stacked', 'classic'])
def test_plain_data_survive_json(options: CrfOptions) -> None:
    assert from_plain(json.loads(json.dumps(to_plain(options)))) == options


def test_what_plain_data_leave_out_has_its_default() -> None:
    assert from_plain({}) == CrfOptions()
    assert from_plain({'kernels': [{'kind': 'bilateral', 'srgb': 5.0}]}) == CrfOptions(
        kernels=(BilateralKernel(srgb=5.0),)
    )


@pytest.mark.parametrize(
    ('data', 'words'),
    [
        ({'iteration': 3}, "'iteration'; expected one of .* iterations"),
        ({'clip': '1e-5'}, "clip is '1e-5'"),
        ({'kernels': {}}, 'expected a list'),
        ({'kernels': []}, 'at least one'),
        ({'kernels': [3]}, 'expected its kind'),
        ({'kernels': [{'sxy': 3}]}, 'expected its kind'),
        ({'kernels': [{'kind': 'box'}]}, "'box'; expected one of bilateral, gaussian"),
        ({'kernels': [{'kind': ['box']}]}, 'expected one of bilateral, gaussian'),
        ({'kernels': [{'kind': 'gaussian', 'srgb': 3}]}, "'srgb'; expected one of compat, sxy"),
        ([], 'expected names and values'),
    ],
    ids=lambda value: str(value)[:40],
)
def test_plain_data_that_mean_nothing_are_refused(data: Any, words: str) -> None:
    with pytest.raises(CrfError, match=words):
        from_plain(data)


@pytest.mark.parametrize(
    'make',
    [
        lambda: GaussianKernel(sxy=0),
        lambda: GaussianKernel(sxy='3'),  # type: ignore[arg-type]
        lambda: GaussianKernel(sxy=True),
        lambda: BilateralKernel(srgb=0.01),
        lambda: BilateralKernel(sxy=float('nan')),
        lambda: BilateralKernel(srgb=float('inf')),
        lambda: CrfOptions(kernels=()),
        lambda: CrfOptions(kernels=(3,)),  # type: ignore[arg-type]
        lambda: CrfOptions(kernels=GaussianKernel()),  # type: ignore[arg-type]
        lambda: CrfOptions(iterations=0),
        lambda: CrfOptions(iterations=2.0),  # type: ignore[arg-type]
        lambda: CrfOptions(iterations=10**9),
        lambda: CrfOptions(threads=0),
        lambda: CrfOptions(clip=0.0),
        lambda: CrfOptions(clip=1e-40),
        lambda: CrfOptions(clip=float('nan')),
        lambda: CrfOptions(mode='quick'),  # type: ignore[arg-type]
        lambda: CrfOptions(mode=[]),  # type: ignore[arg-type]
        lambda: CrfOptions(resolution='half'),  # type: ignore[arg-type]
        lambda: CrfOptions(backend='cuda'),  # type: ignore[arg-type]
        lambda: preset('modern'),
    ],
)
def test_options_refuse_what_cannot_be_inferred(make: Callable[[], object]) -> None:
    with pytest.raises(CrfError, match='expected'):
        make()


@pytest.mark.parametrize(
    ('compat', 'words'),
    [
        (float('inf'), 'finite'),
        ((1.0, float('nan')), 'finite'),
        (((1.0, float('nan')), (float('nan'), 1.0)), 'symmetric'),
        ((), 'expected a number'),
        ('10', 'expected a number'),
        (True, 'expected a number'),
        ([1.0, 2.0], 'expected a number'),
        ((1.0, (2.0,)), 'expected a number'),
        (((1.0, 0.0),), 'square'),
        (((1.0, 0.0), (0.0,)), 'square'),
        (((1.0, 0.5), (0.0, 1.0)), r'compat\[1\]\[0\] is 0.0 and compat\[0\]\[1\] is 0.5'),
    ],
    ids=str,
)
def test_compat_of_no_known_form_is_refused(compat: Any, words: str) -> None:
    with pytest.raises(CrfError, match=words):
        GaussianKernel(compat=compat)
    with pytest.raises(CrfError, match=words):
        BilateralKernel(compat=compat)


def test_the_three_forms_of_one_compat_are_one_matrix() -> None:
    identity = ((2.5, 0.0, 0.0), (0.0, 2.5, 0.0), (0.0, 0.0, 2.5))

    for compat in (2.5, (2.5, 2.5, 2.5), identity):
        np.testing.assert_array_equal(compat_matrix(compat, 3), identity)


@pytest.mark.parametrize('compat', [(1.0, 2.0), ((1.0, 0.0), (0.0, 1.0))], ids=str)
def test_compat_for_other_classes_is_refused(compat: Any) -> None:
    with pytest.raises(CrfError, match='for 2 classes, the probabilities have 3'):
        compat_matrix(compat, 3)
