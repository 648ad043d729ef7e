# SPDX-License-Identifier: Apache-2.0
"""What made pydensecrf crash or answer nonsense: here a clear error or the right answer.

The numbers are those of its issues on GitHub.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from crf.scenes import Solver, solver_params, street
from seg_node.crf import (
    BilateralKernel,
    CrfOptions,
    GaussianKernel,
    memory,
    preset,
    refine,
    refine_labels,
)
from seg_node.errors import CrfError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

MILD = CrfOptions((GaussianKernel(2.0, 1.0), BilateralKernel(8.0, 20.0, 1.5)), backend='numpy')
GIB = 2**30


@pytest.fixture(params=solver_params())
def solver(request: pytest.FixtureRequest) -> Solver:
    """Return each back end in each of its modes."""
    found: Solver = request.param
    return found


def nothing(*shape: int) -> npt.NDArray[np.float32]:
    """Return an array of any size that takes no memory."""
    return np.broadcast_to(np.float32(0.5), shape)


@pytest.mark.parametrize(
    ('spoil', 'words'),
    [
        # 35, 73, 92, 117: what is height, width, class
        pytest.param(lambda p, i: (p[0], i), 'expected .K, H, W.', id='one plane'),
        pytest.param(lambda p, i: (p.reshape(3, -1), i), 'expected .K, H, W.', id='C x N'),
        pytest.param(lambda p, i: (p.swapaxes(1, 2), i), 'of the same pixels', id='W, H'),
        pytest.param(lambda p, i: (np.moveaxis(p, 0, -1), i), 'of the same pixels', id='K last'),
        pytest.param(
            lambda p, i: (np.moveaxis(p, 0, -1).reshape(p.shape), i), 'sum to 1 only', id='reshape'
        ),
        pytest.param(lambda p, i: (p, i[:-1]), 'of the same pixels', id='sizes'),
        pytest.param(lambda p, i: (p, i[..., 0]), 'of the same pixels', id='grey'),
        pytest.param(lambda p, i: (p, i.transpose(2, 0, 1)), 'of the same pixels', id='3, H, W'),
        # 13, 29: other dimensions
        pytest.param(lambda p, i: (p[..., None], i[..., None, :]), 'expected .K, H, W.', id='3-D'),
        # 49, 52, 87: types
        pytest.param(lambda p, i: (p, i.astype(np.float32)), 'uint8 image', id='float image'),
        pytest.param(lambda p, i: ((p * 255).astype(np.uint8), i), 'float type', id='bytes'),
        pytest.param(lambda p, i: (p.astype(np.complex64), i), 'float type', id='complex'),
        # 31, 38, 63, 77, 92: not probabilities
        pytest.param(lambda p, i: (p[:1] * 0 + 1, i), 'at least 2 classes', id='one class'),
        pytest.param(lambda p, i: (p[:, :0], i[:0]), 'one pixel', id='empty'),
        pytest.param(lambda p, i: (p * np.nan, i), 'NaN', id='nan'),
        pytest.param(lambda p, i: (p + np.inf, i), 'infinite', id='inf'),
        pytest.param(lambda p, i: (p.astype(np.float64) * 1e300, i), 'infinite', id='overflow'),
        pytest.param(lambda p, i: (p * [[[-1]], [[1]], [[1]]], i), 'negative', id='negative'),
        pytest.param(lambda p, i: (p * 0, i), 'sum to 1 only within 1', id='zeros'),
        pytest.param(lambda p, i: (-np.log(p), i), 'not scores or energies', id='energies'),
        pytest.param(lambda p, i: (p * 1.002, i), 'within 0.002; expected 0.001', id='sum'),
        # 100, 115: sizes
        pytest.param(
            lambda _p, _i: (nothing(2, 40_000, 40_000), np.broadcast_to(np.uint8(0), (1, 1, 3))),
            'at most 64000000 pixels',
            id='huge',
        ),
        pytest.param(lambda p, i: (nothing(256, *p.shape[1:]), i), 'at most 255', id='classes'),
    ],
)
@pytest.mark.parametrize('function', [refine, refine_labels])
def test_wrong_input_is_refused_in_words(
    function: Callable[..., object],
    spoil: Callable[[Any, Any], tuple[Any, Any]],
    words: str,
) -> None:
    probabilities, image = spoil(*street())

    with pytest.raises(CrfError, match=words):
        function(probabilities, image, MILD)


def test_one_nan_in_the_last_corner_is_found() -> None:
    probabilities, image = street()
    probabilities[-1, -1, -1] = np.nan

    with pytest.raises(CrfError, match='NaN'):
        refine(probabilities, image, MILD)


@pytest.mark.parametrize('dtype', [np.float16, np.float64])
def test_any_float_type_is_taken(solver: Solver, dtype: type[np.floating[Any]]) -> None:
    """49, 52, 87: "Buffer dtype mismatch"."""
    probabilities, image = street()
    same = probabilities.astype(dtype)

    got = refine(same, image, solver.set(MILD))

    assert np.array_equal(got, refine(same.astype(np.float32), image, solver.set(MILD)))


def test_any_strides_are_taken(solver: Solver) -> None:
    """66: "ndarray is not C-contiguous"."""
    probabilities, image = street()
    backwards = np.asfortranarray(probabilities)[:, ::-1]
    channels_last = np.moveaxis(np.moveaxis(probabilities, 0, -1).copy(), -1, 0)
    padded = np.zeros((image.shape[0], image.shape[1] + 7, 3), np.uint8)
    padded[:, : image.shape[1]] = image
    expected = refine(probabilities, image, solver.set(MILD))

    got = refine(backwards[:, ::-1], padded[:, : image.shape[1]], solver.set(MILD))

    assert np.array_equal(got, expected)
    assert np.array_equal(refine(channels_last, image, solver.set(MILD)), expected)


def test_the_smallest_widths_are_refined_or_refused(solver: Solver) -> None:
    """98: heap corruption, because the lattice counts in 16 bits."""
    probabilities, image = street(2, 12, 300)

    for kernel in (GaussianKernel(1e-3, 1.0), BilateralKernel(1e-3, 1.0, 1.0)):
        options = solver.set(CrfOptions((kernel,), iterations=1))
        try:
            got = refine(probabilities, image, options)
        except CrfError as err:
            assert 'larger widths' in str(err) or 'wider kernels' in str(err)  # noqa: PT017
        else:
            np.testing.assert_array_equal(got.argmax(axis=0), probabilities.argmax(axis=0))


def test_the_largest_widths_make_one_of_all_pixels(solver: Solver) -> None:
    probabilities, image = street(2)
    probabilities = 0.5 * probabilities + np.array([[[0.1]], [[0.4]]], np.float32)

    for kernel in (GaussianKernel(1e9, 1e3), BilateralKernel(1e9, 1e9, 1e3)):
        got = refine_labels(probabilities, image, solver.set(CrfOptions((kernel,))))

        assert np.unique(got).tolist() == [1]


@pytest.mark.parametrize(
    'compat', [(1.0, 2.0), ((1.0, 0.0), (0.0, 1.0)), (1.0,) * 4], ids=['2', '2 x 2', '4']
)
def test_a_compat_of_other_classes_is_refused(solver: Solver, compat: Any) -> None:
    options = solver.set(CrfOptions((GaussianKernel(2.0, compat),)))

    with pytest.raises(CrfError, match='the probabilities have 3'):
        refine(*street(3), options)


@pytest.mark.parametrize(
    'backend',
    [
        'numpy',
        pytest.param('pydensecrf', marks=pytest.mark.needs_crf),
        pytest.param('torch', marks=pytest.mark.needs_torch),
    ],
)
def test_what_does_not_fit_memory_is_refused_before_it_is_tried(
    monkeypatch: pytest.MonkeyPatch, backend: Any
) -> None:
    """100, 115: "std::length_error", abort, out of memory."""
    monkeypatch.setattr(memory, '_available', lambda: 1000)

    with pytest.raises(CrfError, match=r"needs about .* GiB.*resolution 'network'"):
        refine(*street(), replace(preset('classic'), backend=backend))


def test_enough_memory_is_no_reason_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    for available in (GIB, None):
        monkeypatch.setattr(memory, '_available', lambda found=available: found)

        memory.check_memory(GIB, 'this')


def test_the_free_memory_is_found_where_the_system_tells_it() -> None:
    available = memory._available()

    assert (available is not None) == memory.MEMINFO.exists()
    assert available is None or 2**20 < available < 2**50
