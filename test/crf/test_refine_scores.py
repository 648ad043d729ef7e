# SPDX-License-Identifier: Apache-2.0
"""From the scores of a network to refined labels, at either resolution."""

from __future__ import annotations

from dataclasses import replace
import sys
from types import SimpleNamespace
from typing import Any, cast, TYPE_CHECKING

import cv2
import numpy as np
import pytest

from crf.scenes import Solver, solver_params, street
from seg_node.crf import (
    BilateralKernel,
    CrfOptions,
    GaussianKernel,
    refine,
    refine_labels,
    refine_scores,
)
from seg_node.crf.registry import Choice
from seg_node.errors import CrfError
from seg_node.imaging import Placement
from seg_node.imaging import probabilities as probabilities_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

MILD = CrfOptions((GaussianKernel(2.0, 1.0), BilateralKernel(12.0, 20.0, 2.0)), backend='numpy')
STRIDE = 4
# An image of 60 x 88 fills 56 x 80 of a letterboxed input, from row 4 on.
PLACEMENT = Placement((60, 88), (64, 80), top=4, left=0, height=56, width=80)


@pytest.fixture(params=solver_params())
def solver(request: pytest.FixtureRequest) -> Solver:
    """Return each back end in each of its modes."""
    found: Solver = request.param
    return found


def scores_of_a_street() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """Return scores at stride 4 of a letterboxed image, and the image."""
    probabilities, image = street(4, *PLACEMENT.image_size)
    rows, columns = PLACEMENT.height // STRIDE, PLACEMENT.width // STRIDE
    scores = np.zeros((4, 64 // STRIDE, 80 // STRIDE), np.float32)
    for plane, out in zip(np.log(probabilities), PLACEMENT.crop(scores), strict=True):
        out[:] = cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_AREA)
    return scores, image


def settled_by_hand(
    scores: npt.NDArray[np.float32], size: tuple[int, int], margin: float
) -> npt.NDArray[np.int64]:
    """Return the class that leads by a margin in all scores around each pixel, else -1."""
    found = np.full(size, -1)
    for y, x in np.ndindex(size):
        corners = []
        for place, pixels, available in zip((y, x), size, scores.shape[1:], strict=True):
            centre = min(max((place + 0.5) * available / pixels - 0.5, 0), available - 1)
            corners.append({int(centre), min(int(centre) + 1, available - 1)})
        around = [scores[:, row, column] for row in corners[0] for column in corners[1]]
        leaders = {int(one.argmax()) for one in around}
        leads = [np.diff(np.sort(one)[-2:])[0] for one in around]
        if len(leaders) == 1 and min(leads) >= margin:
            found[y, x] = leaders.pop()
    return found


@pytest.mark.parametrize('resolution', ['output', 'network'])
@pytest.mark.parametrize('temperature', [1.0, 0.5])
def test_pixels_with_a_margin_keep_their_label_and_others_are_refined_as_ever(
    solver: Solver, temperature: float, resolution: Any
) -> None:
    scores, image = scores_of_a_street()
    options = replace(solver.set(MILD), resolution=resolution)
    everywhere = refine_scores(scores, PLACEMENT, temperature, image, options)
    gated = refine_scores(scores, PLACEMENT, temperature, image, replace(options, margin=0.2))
    part = np.asarray(PLACEMENT.crop(scores) / temperature, np.float32)
    settled = settled_by_hand(part, PLACEMENT.image_size, 0.2)
    np.testing.assert_array_equal(gated, np.where(settled < 0, everywhere, settled))
    assert (gated != everywhere).any()


@pytest.mark.parametrize('temperature', [1.0, 0.5])
def test_labels_are_those_of_the_probabilities_of_the_scores(
    solver: Solver, temperature: float
) -> None:
    scores, image = scores_of_a_street()

    got = refine_scores(scores, PLACEMENT, temperature, image, solver.set(MILD))

    prior = probabilities_of(scores, PLACEMENT, temperature)
    expected = refine_labels(prior, image, solver.set(MILD))
    assert got.dtype == np.uint8
    assert (expected != prior.argmax(axis=0)).mean() > 0.02
    assert (got == expected).mean() > 0.998


@pytest.mark.parametrize('resolution', ['output', 'network'])
def test_what_is_beside_the_image_has_no_influence(solver: Solver, resolution: Any) -> None:
    scores, image = scores_of_a_street()
    options = replace(solver.set(MILD), resolution=resolution)
    expected = refine_scores(scores, PLACEMENT, 1.0, image, options)
    scores[1, :1] = scores[2, -1:] = 50.0

    got = refine_scores(scores, PLACEMENT, 1.0, image, options)

    assert np.array_equal(got, expected)


def test_both_resolutions_agree_where_the_grid_is_the_image(solver: Solver) -> None:
    probabilities, image = street(3, 40, 52)
    placement = Placement((40, 52), (40, 52), top=0, left=0, height=40, width=52)
    scores = np.log(probabilities)

    got = refine_scores(
        scores, placement, 1.0, image, replace(solver.set(MILD), resolution='network')
    )

    expected = refine(probabilities, image, solver.set(MILD)).argmax(axis=0)
    assert (got == expected).mean() > 0.999


def test_on_the_grid_borders_move_to_the_edges_of_the_image(solver: Solver) -> None:
    """The network sees the border two cells too far left; the image knows better."""
    image = np.full((64, 96, 3), 40, np.uint8)
    image[:, 48:] = 200
    scores = np.zeros((2, 16, 24), np.float32)
    scores[1] = -1.0
    scores[1, :, 10:] = 1.0
    placement = Placement((64, 96), (64, 96), top=0, left=0, height=64, width=96)
    options = CrfOptions((BilateralKernel(40.0, 20.0, 12.0),), resolution='network')

    labels = refine_scores(scores, placement, 1.0, image, solver.set(options))

    border = labels.argmax(axis=1)  # the first column of class 1
    assert np.abs(border - 48).max() <= 2


def test_on_the_grid_widths_shrink_with_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """So a preset means the same at both resolutions."""
    seen: list[Any] = []

    def spy(probabilities: Any, image: Any, options: CrfOptions) -> Any:
        seen.extend([image.shape, options])
        return probabilities

    choice = Choice('spy', cast('Any', SimpleNamespace(marginals=spy)), '')
    monkeypatch.setattr(sys.modules['seg_node.crf.refine'], 'choose', lambda _: choice)
    probabilities, _ = street(3, 20, 26)
    placement = Placement((40, 52), (20, 26), top=0, left=0, height=20, width=26)
    image = np.zeros((40, 52, 3), np.uint8)
    options = replace(MILD, resolution='network')

    refine_scores(np.log(probabilities), placement, 1.0, image, options)

    narrow = (GaussianKernel(1.0, 1.0), BilateralKernel(6.0, 20.0, 2.0))
    assert seen == [(20, 26, 3), replace(options, kernels=narrow)]


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        pytest.param({'scores': lambda s: s[0]}, 'expected .K, h, w. float32', id='one plane'),
        pytest.param({'scores': lambda s: s.astype(np.float64)}, 'float32', id='float64'),
        pytest.param({'scores': lambda s: s[:1]}, 'at least 2 classes', id='one class'),
        pytest.param({'scores': lambda s: s * np.nan}, 'finite', id='nan'),
        pytest.param({'scores': lambda s: s + np.inf}, 'finite', id='inf'),
        pytest.param({'image': lambda i: i[1:]}, 'placement of the scores', id='image'),
        pytest.param({'image': lambda i: i / 255}, 'placement of the scores', id='float image'),
        pytest.param({'temperature': lambda _: 0.0}, 'positive', id='temperature'),
        pytest.param({'temperature': lambda _: float('nan')}, 'positive', id='no temperature'),
    ],
)
def test_wrong_scores_are_refused_in_words(
    solver: Solver, change: dict[str, Callable[[Any], Any]], words: str
) -> None:
    scores, image = scores_of_a_street()
    given: dict[str, Any] = {'scores': scores, 'temperature': 1.0, 'image': image}
    for name, spoil in change.items():
        given[name] = spoil(given[name])

    with pytest.raises(CrfError, match=words):
        refine_scores(placement=PLACEMENT, options=solver.set(MILD), **given)


def test_scores_of_another_placement_are_refused(solver: Solver) -> None:
    scores, image = scores_of_a_street()

    with pytest.raises(ValueError, match='placement that came with'):
        refine_scores(scores[:, 1:], PLACEMENT, 1.0, image, solver.set(MILD))


def test_an_image_of_one_pixel_is_refined_on_the_grid() -> None:
    placement = Placement((1, 1), (8, 8), top=0, left=0, height=4, width=4)
    scores = np.zeros((2, 2, 2), np.float32)
    scores[1] = 1.0

    got = refine_scores(
        scores, placement, 1.0, np.zeros((1, 1, 3), np.uint8), replace(MILD, resolution='network')
    )

    assert got.tolist() == [[1]]
