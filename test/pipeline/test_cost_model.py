# SPDX-License-Identifier: Apache-2.0
"""What the CRF will cost, predicted from what it did cost."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings, strategies
import pytest

from seg_node.crf import CrfOptions
from seg_node.pipeline.cost_model import CostModel, CrfJob, MOST_JOBS

JOB = CrfJob(CrfOptions(), (100, 200), 10)
SECONDS = strategies.integers(1, 30).map(float)


def model_of(*times: float, job: CrfJob = JOB) -> CostModel:
    """Return a model that has seen these runs."""
    model = CostModel()
    for seconds in times:
        model.learn(job, seconds)
    return model


def test_first_run_replaces_the_first_guess() -> None:
    assert model_of(3.0).predict(JOB) == 3.0


def test_faster_modes_are_guessed_to_be_faster() -> None:
    guesses = [
        CostModel().predict(replace(JOB, options=replace(JOB.options, mode=mode)))
        for mode in ('exact', 'balanced', 'fast')
    ]

    assert sorted(guesses, reverse=True) == guesses
    assert len(set(guesses)) == 3


def test_first_guess_grows_with_the_image_and_shrinks_with_threads() -> None:
    guess = CostModel().predict(JOB)

    assert CostModel().predict(replace(JOB, size=(200, 200))) == pytest.approx(2 * guess)
    helped = replace(JOB, options=replace(JOB.options, threads=2))
    assert CostModel().predict(helped) == pytest.approx(guess / 2)


def test_another_size_is_guessed_from_the_one_that_was_measured() -> None:
    model = model_of(3.0)

    assert model.predict(replace(JOB, size=(200, 400))) == pytest.approx(12.0)


def test_another_mode_is_not_guessed_from_the_one_that_was_measured() -> None:
    other = replace(JOB, options=replace(JOB.options, mode='exact'))

    assert model_of(3.0).predict(other) == CostModel().predict(other)


def test_sizes_are_remembered_apart() -> None:
    """A camera that changes between two sizes does not unlearn either."""
    small, large = replace(JOB, size=(10, 10)), replace(JOB, size=(500, 500))
    model = model_of(1.0, job=small)
    model.learn(large, 5.0)

    assert (model.predict(small), model.predict(large)) == (1.0, 5.0)


@settings(max_examples=50)
@given(strategies.lists(SECONDS, min_size=1, max_size=20))
def test_prediction_is_one_of_the_last_twelve_times(times: list[float]) -> None:
    assert model_of(*times).predict(JOB) in times[-12:]


@settings(max_examples=50)
@given(strategies.lists(SECONDS, min_size=12, max_size=20))
def test_prediction_is_exceeded_by_at_most_a_quarter_of_the_last_runs(times: list[float]) -> None:
    predicted = model_of(*times).predict(JOB)

    assert sum(one > predicted for one in times[-12:]) <= 3
    assert sum(one >= predicted for one in times[-12:]) >= 4


@settings(max_examples=50)
@given(strategies.lists(SECONDS, max_size=3), strategies.permutations(range(12)))
def test_three_outliers_in_twelve_change_nothing(outliers: list[float], order: list[int]) -> None:
    times = [1.0] * (12 - len(outliers)) + [1.0 + one for one in outliers]

    assert model_of(*(times[place] for place in order)).predict(JOB) == 1.0


def test_second_run_outvotes_a_slow_first_one() -> None:
    """The first run of a process allocates memory, and says little about the others."""
    assert model_of(30.0, 1.0).predict(JOB) == 1.0


def test_change_for_good_is_learnt_within_a_window() -> None:
    assert model_of(*[1.0] * 50, *[2.0] * 4).predict(JOB) == 2.0
    assert model_of(*[2.0] * 50, *[1.0] * 9).predict(JOB) == 1.0


def test_skipped_frames_fade_a_prediction_until_it_is_tried_again() -> None:
    model = model_of(4.0)
    for _ in range(70):
        model.skip(JOB)

    assert model.predict(JOB) == pytest.approx(2.0, rel=0.02)


def test_run_after_skipped_frames_replaces_what_was_doubted() -> None:
    model = model_of(*[4.0] * 12)
    model.skip(JOB)

    model.learn(JOB, 1.0)

    assert model.predict(JOB) == 1.0


def test_skipped_frames_fade_the_first_guess_too() -> None:
    """Without it, a machine that is faster than guessed would never try."""
    model = CostModel()
    model.skip(JOB)

    assert model.predict(JOB) < CostModel().predict(JOB)


def test_memory_is_bounded() -> None:
    """A camera whose frames all have another size must not fill the memory."""
    model = CostModel()
    for width in range(1, 5 * MOST_JOBS):
        model.learn(replace(JOB, size=(1, width)), 1.0)
        model.skip(replace(JOB, size=(2, width)))

    assert len(model._memories) == MOST_JOBS
