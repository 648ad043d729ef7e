# SPDX-License-Identifier: Apache-2.0
"""What every CRF back end promises; the definition over all pairs of pixels is the judge."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from crf.scenes import Solver, solver_params, street
from seg_node.crf import (
    BilateralKernel,
    CrfOptions,
    GaussianKernel,
    preset,
    refine,
    refine_labels,
)
from seg_node.crf.brute_force import marginals as by_definition

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.crf import Compat

MILD = CrfOptions((GaussianKernel(2.0, 1.0), BilateralKernel(8.0, 20.0, 1.5)))
CASES = {
    'classic': CrfOptions((GaussianKernel(3.0, 3.0), BilateralKernel(10.0, 13.0, 5.0))),
    'mild': MILD,
    'one update': CrfOptions((BilateralKernel(10.0, 13.0, 5.0),), iterations=1),
    'per class': CrfOptions(
        (GaussianKernel(2.0, (1.0, 3.0, 0.5)), BilateralKernel(8.0, 20.0, (3.0, 1.0, 2.0)))
    ),
    'matrix': CrfOptions(
        (BilateralKernel(8.0, 20.0, ((4.0, -1.0, 0.5), (-1.0, 6.0, 0.0), (0.5, 0.0, 3.0))),)
    ),
    'reward': CrfOptions((GaussianKernel(2.0, -1.0),), iterations=3),
    'stacked': CrfOptions(
        (
            GaussianKernel(1.5, 1.0),
            GaussianKernel(5.0, (0.5, 0.2, 1.0)),
            BilateralKernel(4.0, 30.0, 1.0),
            BilateralKernel(15.0, 10.0, 1.5),
        )
    ),
    'wide': CrfOptions((GaussianKernel(10.0, 4.0),)),
    'narrow': CrfOptions((GaussianKernel(0.5, 2.0),)),
    'narrow in colour': CrfOptions((BilateralKernel(20.0, 1.0, 2.0),)),
}


@pytest.fixture(params=solver_params())
def solver(request: pytest.FixtureRequest) -> Solver:
    """Return each back end in each of its modes."""
    found: Solver = request.param
    return found


@pytest.fixture(params=solver_params(exact=True))
def exact(request: pytest.FixtureRequest) -> Solver:
    """Return each back end that has every pixel take part in every update."""
    found: Solver = request.param
    return found


@pytest.mark.parametrize('case', CASES)
@pytest.mark.parametrize('seed', range(2))
def test_marginals_are_close_to_the_definition(solver: Solver, case: str, seed: int) -> None:
    """The lattice blurs a little differently from a Gaussian, most so at single pixels."""
    probabilities, image = street(seed=seed)

    got = refine(probabilities, image, solver.set(CASES[case]))

    expected = by_definition(probabilities, image, CASES[case])
    error = np.abs(got - expected)
    assert error.mean() < (0.01 if solver.is_exact else 0.1)
    assert error.max() < (0.25 if solver.is_exact else 0.97)
    assert not solver.is_exact or error.mean() < 0.5 * np.abs(expected - probabilities).mean()
    second, first = np.sort(expected, axis=0)[-2:]
    decided = first - second > 0.2
    same = got.argmax(axis=0) == expected.argmax(axis=0)
    assert same[decided].mean() > (0.995 if solver.is_exact else 0.95)


@pytest.mark.needs_crf
def test_labels_are_those_of_pydensecrf(solver: Solver) -> None:
    probabilities, image = street(7, 96, 128)

    got = refine_labels(probabilities, image, solver.set(preset('classic')))

    options = replace(preset('classic'), backend='pydensecrf')
    expected = refine_labels(probabilities, image, options)
    changed = expected != probabilities.argmax(axis=0)
    assert changed.mean() > 0.1
    assert (got == expected).mean() >= solver.same
    assert (got == expected)[changed].mean() >= solver.same_changes


@pytest.mark.parametrize('classes', [2, 3])
def test_a_number_a_vector_and_a_matrix_are_one_compat(solver: Solver, classes: int) -> None:
    """In pydensecrf they differ in sign."""
    probabilities, image = street(classes)

    def refined(compat: Compat) -> npt.NDArray[np.float32]:
        kernels = (GaussianKernel(2.0, compat), BilateralKernel(8.0, 20.0, compat))
        return refine(probabilities, image, solver.set(CrfOptions(kernels)))

    number = refined(2.0)
    identity = tuple(tuple(2.0 * (i == j) for j in range(classes)) for i in range(classes))
    np.testing.assert_allclose(refined((2.0,) * classes), number, atol=1e-4)
    np.testing.assert_allclose(refined(identity), number, atol=1e-4)


@pytest.mark.parametrize('compat', [5.0, (5.0, 5.0), ((5.0, 0.0), (0.0, 5.0))], ids=str)
def test_a_positive_compat_removes_a_speck_and_a_negative_one_does_not(
    solver: Solver, compat: Compat
) -> None:
    """Any sign slip would show, whatever the definition says."""
    probabilities = np.full((2, 16, 16), 0.3, np.float32)
    probabilities[0] = 0.7
    probabilities[:, 8, 8] = 0.35, 0.65
    image = np.full((16, 16, 3), 100, np.uint8)
    negative = (-np.asarray(compat)).tolist()
    if isinstance(negative, list):
        negative = tuple(tuple(row) if isinstance(row, list) else row for row in negative)

    smooth = CrfOptions((GaussianKernel(2.0, compat),), iterations=2)
    rough = CrfOptions((GaussianKernel(2.0, negative),), iterations=1)

    assert refine_labels(probabilities, image, solver.set(smooth))[8, 8] == 0
    assert refine_labels(probabilities, image, solver.set(rough))[8, 8] == 1


def test_borders_move_to_the_edges_of_the_image(solver: Solver) -> None:
    image = np.zeros((24, 32, 3), np.uint8)
    image[:, 16:] = 200
    right = np.full((24, 32), 0.35, np.float32)
    right[:, 13:] = 0.65
    options = CrfOptions((BilateralKernel(20.0, 20.0, 6.0),), iterations=10)

    labels = refine_labels(np.stack([1 - right, right]), image, solver.set(options))

    assert np.array_equal(labels, image[..., 0] > 0)


def test_a_kernel_twice_is_a_kernel_of_twice_the_compat(solver: Solver) -> None:
    probabilities, image = street()
    half, whole = BilateralKernel(8.0, 20.0, 1.0), BilateralKernel(8.0, 20.0, 2.0)

    twice = refine(probabilities, image, solver.set(CrfOptions((half, half))))

    once = refine(probabilities, image, solver.set(CrfOptions((whole,))))
    np.testing.assert_allclose(twice, once, atol=1e-4)


def test_classes_that_change_places_take_their_marginals_along(solver: Solver) -> None:
    probabilities, image = street(5)
    order = [3, 0, 4, 1, 2]

    moved = refine(probabilities[order], image, solver.set(MILD))

    np.testing.assert_allclose(
        moved, refine(probabilities, image, solver.set(MILD))[order], atol=1e-4
    )


@pytest.mark.parametrize(
    ('classes', 'height', 'width'),
    [(2, 1, 1), (3, 1, 1), (3, 1, 40), (3, 40, 1), (2, 2, 2), (3, 3, 90), (40, 5, 4), (255, 4, 6)],
)
def test_images_and_classes_of_any_number(
    exact: Solver, classes: int, height: int, width: int
) -> None:
    probabilities, image = street(classes, height, width)

    got = refine(probabilities, image, exact.set(MILD))

    np.testing.assert_allclose(got, by_definition(probabilities, image, MILD), atol=0.2)
    assert got.shape == (classes, height, width)


@pytest.mark.parametrize(
    ('classes', 'height', 'width'), [(2, 1, 1), (3, 1, 40), (3, 40, 1), (2, 9, 9), (255, 4, 6)]
)
def test_marginals_are_proper_whatever_the_size(
    solver: Solver, classes: int, height: int, width: int
) -> None:
    probabilities, image = street(classes, height, width)

    got = refine(probabilities, image, solver.set(preset('classic')))

    assert got.dtype == np.float32
    assert got.shape == probabilities.shape
    assert got.flags.c_contiguous
    assert got.flags.writeable
    assert got.min() >= 0
    np.testing.assert_allclose(got.sum(axis=0), 1.0, atol=1e-5)


def test_labels_are_the_largest_marginals(solver: Solver) -> None:
    """A gate may leave out pixels that are certain; those few that it gets wrong are not many."""
    probabilities, image = street(5, 40, 50)

    labels = refine_labels(probabilities, image, solver.set(MILD))

    best = refine(probabilities, image, solver.set(MILD)).argmax(axis=0)
    assert labels.dtype == np.uint8
    assert labels.shape == image.shape[:2]
    assert (labels == best).mean() >= (1.0 if solver.is_exact else 0.98)


def test_the_same_comes_out_every_time(solver: Solver) -> None:
    probabilities, image = street(4, 40, 50)
    threaded = replace(solver.set(MILD), threads=2)

    first = refine(probabilities, image, threaded)

    for _ in range(2):
        assert np.array_equal(refine(probabilities, image, threaded), first)


def test_what_goes_in_is_not_changed(solver: Solver) -> None:
    probabilities, image = street()
    kept = probabilities.copy(), image.copy()
    probabilities.flags.writeable = image.flags.writeable = False

    refined = refine(probabilities, image, solver.set(MILD))
    refine_labels(probabilities, image, solver.set(MILD))

    assert np.array_equal(probabilities, kept[0])
    assert np.array_equal(image, kept[1])
    assert not np.shares_memory(refined, probabilities)


def test_certain_networks_do_not_make_infinite_energies(solver: Solver) -> None:
    probabilities, image = street(3)
    certain = np.eye(3, dtype=np.float32)[probabilities.argmax(axis=0)].transpose(2, 0, 1)

    for clip in (1e-5, 1e-8, 1e-30):
        options = replace(MILD, clip=clip)
        got = refine(certain, image, solver.set(options))
        expected = by_definition(certain, image, options)
        assert np.isfinite(got).all()
        assert (got.argmax(axis=0) == expected.argmax(axis=0)).mean() > 0.97


def test_strong_penalties_neither_overflow_nor_underflow(exact: Solver) -> None:
    probabilities, image = street(3)
    options = CrfOptions((GaussianKernel(2.0, 1000.0),), iterations=2)

    got = refine(probabilities, image, exact.set(options))

    expected = by_definition(probabilities, image, options)
    assert np.isfinite(got).all()
    assert (got.argmax(axis=0) == expected.argmax(axis=0)).mean() > 0.97


@pytest.mark.parametrize('srgb', [1.0, 2.0])
def test_colours_at_random_with_the_narrowest_kernel(solver: Solver, srgb: float) -> None:
    """Each pixel is alone on the lattice: the most corners there can be, and nothing to refine."""
    probabilities, _ = street(3, 40, 50)
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    options = CrfOptions((BilateralKernel(1.0, srgb, 2.0),), iterations=2)

    got = refine(probabilities, image, solver.set(options))

    assert np.isfinite(got).all()
    if solver.is_exact:
        np.testing.assert_allclose(got, by_definition(probabilities, image, options), atol=0.1)
