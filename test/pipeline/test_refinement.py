# SPDX-License-Identifier: Apache-2.0
"""The CRF in the pipeline: it changes labels, and only labels; and what was decided can be redone.

A made-up CRF stands in, which remembers what it was asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from seg_node.crf import preset
from seg_node.engines.fake_engine import FakeEngine
from seg_node.errors import CrfError, ParameterError
from seg_node.imaging import finish, place, probabilities
from seg_node.pipeline import Outputs, refinement, Segmenter, SegmenterOptions
import tiny

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.bundle import Bundle
    from seg_node.crf import CrfOptions
    from seg_node.imaging import Placement
    from seg_node.pipeline import CrfDecision

    UInt8Array = npt.NDArray[np.uint8]

pytestmark = pytest.mark.needs_onnx

ROAD = tiny.TAXONOMY.index('green road')
LAVA = tiny.TAXONOMY.index('lava')
IMAGE = np.full((48, 64, 3), 90, np.uint8)
ALWAYS = SegmenterOptions(
    crf=preset('classic'),
    crf_min_uncertain_fraction=0.0,
    drivable_min_probability=0.0,
    drivable_max_entropy=1.0,
)
DECISIONS: tuple[CrfDecision, ...] = ('off', 'certain', 'no_time', 'ran', 'failed')


@dataclass
class FakeCrf:
    """Changes labels as it is told.

    Attributes:
        change: From the network's labels to those that come out.
        calls: Options of every call.
    """

    change: Callable[[UInt8Array], UInt8Array] = np.zeros_like
    calls: list[CrfOptions] = field(default_factory=list)

    def __call__(
        self,
        scores: npt.NDArray[np.float32],
        placement: Placement,
        temperature: float,
        image: UInt8Array,
        options: CrfOptions,
    ) -> UInt8Array:
        """Do as ``refine_scores``."""
        assert temperature == 1.5
        assert image.shape[:2] == placement.image_size
        self.calls.append(options)
        return self.change(finish(scores, placement).labels)


@pytest.fixture
def crf(monkeypatch: pytest.MonkeyPatch) -> FakeCrf:
    """A CRF that calls every pixel lava, unless told otherwise."""
    fake = FakeCrf()
    monkeypatch.setattr(refinement, 'refine_scores', fake)
    return fake


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """The tiny bundle, with a temperature."""
    tiny_bundle = tiny.tiny_bundle(tmp_path / 'bundle')
    return replace(tiny_bundle, manifest=replace(tiny_bundle.manifest, temperature=1.5))


def scores_of(seed: int = 0) -> npt.NDArray[np.float32]:
    """Return smooth scores in which every class wins somewhere."""
    coarse = np.random.default_rng(seed).normal(0, 2, (3, 6, 8))
    return np.kron(coarse, np.ones((1, 4, 4)))[None].astype(np.float32)


def segmenter_of(
    bundle: Bundle, options: SegmenterOptions = ALWAYS, answers: Any = None
) -> Segmenter:
    """Return a segmenter whose network gives these answers, one after the other."""
    rest = iter(answers) if answers is not None else None
    engine = FakeEngine(bundle, lambda _: scores_of() if rest is None else next(rest))
    engine.open()
    return Segmenter(engine, options)


def test_crf_changes_nothing_but_labels_and_their_confidence(bundle: Bundle, crf: FakeCrf) -> None:
    """Entropy and class planes stay the network's."""
    wanted = Outputs(classes=(0, 1, 2))
    plain = segmenter_of(bundle, SegmenterOptions())(IMAGE, wanted)

    refined = segmenter_of(bundle)(IMAGE, wanted)

    assert len(crf.calls) == 1
    assert (refined.labels == LAVA).all()
    assert not (plain.labels == LAVA).all()
    np.testing.assert_array_equal(refined.entropy, plain.entropy)
    for index, plane in plain.planes.items():
        np.testing.assert_array_equal(refined.planes[index], plane)
    np.testing.assert_array_equal(refined.network_labels, plain.labels)


@pytest.mark.parametrize('classes', [(), (0, 1), (0, 1, 2)], ids=['none', 'some', 'all'])
def test_confidence_is_the_networks_probability_of_the_published_label(
    bundle: Bundle, crf: FakeCrf, classes: tuple[int, ...]
) -> None:
    """Whichever class planes are wanted beside it."""
    crf.change = lambda labels: np.roll((labels + 1).astype(np.uint8) % 3, 5, axis=1)

    result = segmenter_of(bundle)(IMAGE, Outputs(probabilities=True, classes=classes))

    assert result.probabilities is not None
    assert result.confidence is not None
    labels = result.labels[None].astype(np.intp)
    own = np.take_along_axis(result.probabilities, labels, axis=0)[0]
    np.testing.assert_allclose(result.confidence, 255 * own, atol=0.51)


def test_confidence_of_labels_that_stay_is_not_touched(bundle: Bundle, crf: FakeCrf) -> None:
    crf.change = lambda labels: np.where(np.arange(64) < 32, labels, 0).astype(np.uint8)
    plain = segmenter_of(bundle, SegmenterOptions())(IMAGE)

    refined = segmenter_of(bundle)(IMAGE)

    same = refined.labels == plain.labels
    assert 0.4 < same.mean() < 1.0
    assert plain.confidence is not None
    assert refined.confidence is not None
    np.testing.assert_array_equal(refined.confidence[same], plain.confidence[same])


@pytest.mark.usefixtures('crf')
def test_confidence_that_nobody_wants_is_not_there(bundle: Bundle) -> None:
    nothing = Outputs(confidence=False, entropy=False, drivable_area=False)

    result = segmenter_of(bundle)(IMAGE, nothing)

    assert result.crf == 'ran'
    assert (result.confidence, result.entropy, result.drivable_area) == (None, None, None)


@pytest.mark.parametrize('becomes', [ROAD, LAVA], ids=['road', 'lava'])
def test_pixel_is_drivable_only_if_network_and_crf_say_so(
    bundle: Bundle, crf: FakeCrf, becomes: int
) -> None:
    """The left half becomes road, or lava; the right one stays as it was."""
    crf.change = lambda labels: np.where(np.arange(64) < 32, becomes, labels).astype(np.uint8)

    result = segmenter_of(bundle)(IMAGE)

    assert result.network_labels is not None
    assert (result.network_labels[:, :32] == ROAD).any()
    assert (result.network_labels[:, :32] != ROAD).any()
    both = (result.labels == ROAD) & (result.network_labels == ROAD)
    np.testing.assert_array_equal(result.drivable_area, np.where(both, 255, 0))


def test_options_reach_the_crf(bundle: Bundle, crf: FakeCrf) -> None:
    options = replace(preset('classic'), iterations=2, mode='exact')

    segmenter_of(bundle, replace(ALWAYS, crf=options))(IMAGE)

    assert crf.calls == [options]


def broken(error: Exception) -> Callable[..., Any]:
    """Return a CRF that fails."""

    def fail(*_: Any) -> None:
        raise error

    return fail


@pytest.mark.parametrize('error', [CrfError('too narrow'), MemoryError('720 MB'), RuntimeError()])
def test_frame_keeps_the_labels_of_the_network_if_the_crf_may_fail_and_does(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    plain = segmenter_of(bundle, SegmenterOptions(drivable_min_probability=0.0))(IMAGE)
    monkeypatch.setattr(refinement, 'refine_scores', broken(error))

    result = segmenter_of(bundle)(IMAGE, crf_may_fail=True)

    assert result.crf == 'failed'
    assert result.crf_error == f'{type(error).__name__}: {error}'
    np.testing.assert_array_equal(result.labels, plain.labels)
    np.testing.assert_array_equal(result.confidence, plain.confidence)
    assert result.drivable_area is not None


def test_crf_that_must_not_fail_does_so_with_its_error(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refinement, 'refine_scores', broken(CrfError('too narrow')))

    with pytest.raises(CrfError, match='too narrow'):
        segmenter_of(bundle)(IMAGE)


def test_crf_is_tried_again_on_the_frame_after_a_failure(
    bundle: Bundle, crf: FakeCrf, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmenter = segmenter_of(bundle, answers=[scores_of(), scores_of()])
    with monkeypatch.context() as patch:
        patch.setattr(refinement, 'refine_scores', broken(MemoryError()))
        first = segmenter(IMAGE, crf_may_fail=True)

    second = segmenter(IMAGE, crf_may_fail=True)

    assert (first.crf, second.crf, second.crf_error) == ('failed', 'ran', '')
    assert len(crf.calls) == 1


@pytest.mark.parametrize('decision', DECISIONS)
@pytest.mark.parametrize('share', [0.0, 1.0], ids=['uncertain', 'certain'])
def test_decision_of_the_caller_is_followed_whatever_the_gate_would_say(
    bundle: Bundle, crf: FakeCrf, decision: CrfDecision, share: float
) -> None:
    options = replace(ALWAYS, crf_min_uncertain_fraction=share, latency_budget=1e-9)

    result = segmenter_of(bundle, options)(IMAGE, crf_decision=decision)

    assert result.crf == decision
    assert len(crf.calls) == (decision == 'ran')
    assert result.crf_predicted is None


@pytest.mark.parametrize('decision', ['off', 'certain', 'no_time', 'failed'])
def test_decision_not_to_run_can_be_followed_without_a_crf(
    bundle: Bundle, decision: CrfDecision
) -> None:
    result = segmenter_of(bundle, SegmenterOptions())(IMAGE, crf_decision=decision)

    assert result.crf == decision


def test_decision_to_run_cannot_be_followed_without_a_crf(bundle: Bundle) -> None:
    with pytest.raises(ParameterError, match='the dense CRF is off; give the options'):
        segmenter_of(bundle, SegmenterOptions())(IMAGE, crf_decision='ran')


def test_replay_repeats_a_run_exactly(bundle: Bundle, crf: FakeCrf) -> None:
    """The node decided by time and by what came before; the replay has neither."""
    crf.change = lambda labels: np.roll(labels, 3, axis=1)
    answers = [scores_of(seed) * (0.5 + 4 * (seed % 3)) for seed in range(12)]
    node = segmenter_of(bundle, replace(ALWAYS, crf_min_uncertain_fraction=0.4), answers)
    late = {3: 0.0, 7: 0.0}
    recorded = [
        node(IMAGE, deadline=late.get(index), stamp=0.1 * index) for index in range(len(answers))
    ]
    assert {one.crf for one in recorded} == {'ran', 'certain', 'no_time'}
    replay = segmenter_of(bundle, ALWAYS, answers)

    for one in recorded:
        again = replay(IMAGE, crf_decision=one.crf)

        assert again.crf == one.crf
        for name in ('labels', 'confidence', 'entropy', 'drivable_area'):
            np.testing.assert_array_equal(getattr(again, name), getattr(one, name))


def test_prediction_is_told_and_learnt_from_what_the_crf_took(
    bundle: Bundle, crf: FakeCrf, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr('time.monotonic', lambda: now[0])

    def slowly(labels: UInt8Array) -> UInt8Array:
        now[0] += 0.25
        return labels

    crf.change = slowly
    segmenter = segmenter_of(bundle)

    first, second = segmenter(IMAGE), segmenter(IMAGE)

    assert first.times['crf'] == second.times['crf'] == pytest.approx(0.25)
    assert first.crf_predicted is not None
    assert first.crf_predicted < 0.25  # a guess, for so small an image
    assert second.crf_predicted == pytest.approx(0.25)


def test_frame_whose_decision_was_given_teaches_nothing(bundle: Bundle, crf: FakeCrf) -> None:
    segmenter = segmenter_of(bundle)
    guess = segmenter_of(bundle)(IMAGE).crf_predicted

    segmenter(IMAGE, crf_decision='ran')

    assert segmenter(IMAGE).crf_predicted == guess
    assert len(crf.calls) == 3


@pytest.mark.usefixtures('crf')
def test_stamps_make_a_sequence_in_which_the_gate_has_hysteresis(bundle: Bundle) -> None:
    sure, middling, unsure = (scores_of() * factor for factor in (10.0, 1.5, 0.5))
    share = segmenter_of(bundle, ALWAYS, [middling])(IMAGE).uncertain_fraction
    assert share == pytest.approx(0.7, abs=0.01)
    options = replace(ALWAYS, crf_min_uncertain_fraction=0.8, crf_hysteresis=0.2)
    answers = [middling, unsure, middling, sure, middling]

    sequence = segmenter_of(bundle, options, answers)
    alone = segmenter_of(bundle, options, answers)

    assert [sequence(IMAGE, stamp=0.1 * n).crf for n in range(5)] == [
        'certain',
        'ran',
        'ran',
        'certain',
        'certain',
    ]
    assert [alone(IMAGE).crf for _ in range(5)].count('ran') == 1


def test_probabilities_for_evaluation_are_the_networks(bundle: Bundle, crf: FakeCrf) -> None:
    segmenter = segmenter_of(bundle)

    result = segmenter(IMAGE, Outputs(probabilities=True))

    assert len(crf.calls) == 1
    placement = place(IMAGE.shape[:2], bundle.manifest.input)
    expected = probabilities(scores_of()[0], placement, 1.5)
    np.testing.assert_array_equal(result.probabilities, expected)
