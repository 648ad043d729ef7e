# SPDX-License-Identifier: Apache-2.0
"""From points of the search space to CRF options."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seg_node.crf import BilateralKernel, GaussianKernel
from seg_node.taxonomy import load_taxonomy, Taxonomy
from seg_node.tuning.space import kinds_of, options_of, search_space, starting_points

KINDS = ('stuff', 'thin', 'stuff', 'object')
POINT = {
    'iterations': 4.0,
    'near.sxy': 2.0,
    'near.compat': 1.0,
    'near.thin': 1.5,
    'near.object': 0.5,
    'fine.sxy': 10.0,
    'fine.srgb': 8.0,
    'fine.compat': 0.03,
    'fine.thin': 3.0,
    'fine.object': 1.0,
    'wide.sxy': 60.123456,
    'wide.srgb': 5.0,
    'wide.compat': 3.0,
    'wide.thin': 2.0,
    'wide.object': 1.3,
}


def test_each_class_gets_the_compatibility_of_its_kind() -> None:
    options = options_of(POINT, KINDS, threads=2)

    near, wide = options.kernels
    assert near == GaussianKernel(2.0, (1.0, 1.5, 1.0, 0.5))
    assert wide == BilateralKernel(60.1235, 5.0, (3.0, 6.0, 3.0, 3.9))
    assert options.iterations == 4
    assert options.threads == 2


def test_a_kernel_without_weight_is_left_out_but_never_the_last_one() -> None:
    nothing = {**POINT, **{f'{kernel}.compat': 0.0 for kernel in ('near', 'fine', 'wide')}}

    options = options_of(nothing, KINDS)

    assert [type(kernel) for kernel in options.kernels] == [GaussianKernel]


def test_kinds_that_do_not_occur_are_not_searched() -> None:
    whole, stuff = search_space(KINDS), search_space(('stuff', 'stuff'))

    assert set(whole) == set(POINT)
    assert set(whole) - set(stuff) == {
        f'{kernel}.{kind}' for kernel in ('near', 'fine', 'wide') for kind in ('thin', 'object')
    }


@pytest.mark.parametrize('kinds', [KINDS, ('stuff', 'stuff')])
def test_starting_points_lie_in_the_space(kinds: tuple[str, ...]) -> None:
    space = search_space(kinds)

    for point in starting_points(kinds):
        assert point.keys() == space.keys()
        assert all(space[name].low <= value <= space[name].high for name, value in point.items())
        options_of(point, kinds)


def test_a_bundle_from_before_kinds_has_those_of_its_taxonomy() -> None:
    published = load_taxonomy('cityscapes19')
    old = Taxonomy(published.name, tuple(replace(one, kind='stuff') for one in published.classes))
    own = Taxonomy('yard', old.classes)

    assert kinds_of(old) == published.kinds
    assert set(kinds_of(own)) == {'stuff'}
