# SPDX-License-Identifier: Apache-2.0
"""The benchmark of the dense CRF judges what it says it judges."""

from __future__ import annotations

from dataclasses import replace
import json
from pathlib import Path
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from measuring.crf.agreement import Agreement
from measuring.crf.bars import judge, Verdict
from measuring.crf.frames import fitted, Frame
from measuring.crf.regions import gain, regions, spread_errors, strongest_window, WINDOW, WORDS
from seg_node.crf import refine
from seg_node.taxonomy import load_taxonomy

if TYPE_CHECKING:
    import numpy.typing as npt

SCRIPT = Path(__file__).parents[2] / 'benchmarks' / 'bench_crf.py'
CLASSES = 11
SIZE = (120, 160)


def frame_of(labels: npt.NDArray[np.uint8], truth: npt.NDArray[np.uint8]) -> Frame:
    """Return a grey frame whose network gives these labels with a probability of 0.95."""
    planes = np.full((CLASSES, *labels.shape), 0.05 / (CLASSES - 1), np.float32)
    np.put_along_axis(planes, labels[None].astype(np.intp), np.float32(0.95), axis=0)
    return Frame('one', np.full((*labels.shape, 3), 128, np.uint8), planes, truth)


def test_agreement_looks_at_the_pixels_that_the_reference_changes() -> None:
    network = np.zeros((10, 10), np.uint8)
    reference, rival = network.copy(), network.copy()
    reference[0, :4] = 1  # 4 of 100 pixels change
    rival[0, :3] = 1  # 3 of them to the same new label
    rival[9, 9] = 2  # and one that the reference left alone
    truth = reference.copy()

    agreement = Agreement(CLASSES)
    agreement.add(frame_of(network, truth), reference, rival)
    found = agreement.to_dict()

    assert found['changed_share'] == pytest.approx(0.04)
    assert found['same_new_label'] == pytest.approx(0.75)
    assert found['labels_equal'] == pytest.approx(0.98)
    assert found['mean_iou_reference'] == pytest.approx(100.0)
    assert found['mean_iou_difference'] < 0.0


def test_agreement_of_several_frames_is_that_of_their_sums() -> None:
    zeros, ones = np.zeros((4, 4), np.uint8), np.ones((4, 4), np.uint8)
    one_pixel = zeros.copy()
    one_pixel[0, 0] = 1

    agreement = Agreement(CLASSES)
    agreement.add(frame_of(zeros, zeros), ones, ones)  # 16 changed, all followed
    agreement.add(frame_of(zeros, zeros), one_pixel, zeros)  # 1 changed, not followed

    found = agreement.to_dict()
    assert found['same_new_label'] == pytest.approx(16 / 17)
    assert found['same_new_label_worst_frame'] == 0.0


@pytest.mark.parametrize(
    ('measured', 'least', 'met'),
    [(2.0, True, True), (0.5, True, False), (0.5, False, True), (2.0, False, False)],
)
def test_a_bar_is_a_least_or_a_most(measured: float, *, least: bool, met: bool) -> None:
    verdict = Verdict('speed', measured, 1.0, least=least)

    assert verdict.met == met
    assert ('MISSED' in str(verdict)) != met


def test_what_was_not_measured_is_missed() -> None:
    ratio = {'median': 100.0, 'min': 100.0, 'max': 100.0}
    case = {
        'classic': {'rivals': {}},
        'mild': {'rivals': {'balanced': {'ratio': ratio}}},
        'two_threads': {'not run': 'no second core'},
        'peak_mib': {'pydensecrf': 100.0, 'balanced': 20.0},
    }

    verdicts = judge({'cases': {'480x360x11': case}, 'gpu': {'not run': 'no GPU'}})

    met = {one.what for one in verdicts if one.met}
    assert met == {'480x360x11 balanced, mild: speed', '480x360x11 balanced: share of memory'}
    assert len(verdicts) == 14


def test_images_are_cut_to_the_shape_of_a_case_and_labels_stay_labels() -> None:
    image = np.zeros((30, 40, 3), np.uint8)
    image[5:25] = 200  # the rows that a shape of 2:1 keeps
    labels = np.where(image[..., 0] > 0, 7, 3).astype(np.uint8)

    large = fitted(image, (64, 128), seed=1)

    assert large.shape == (64, 128, 3)
    assert abs(float(large.mean()) - 200.0) < 1.0
    assert 1.0 < float(large.std()) < 3.0  # the noise of a sensor
    assert set(np.unique(fitted(labels, (64, 128), seed=1))) == {7}
    assert fitted(image, (30, 40), seed=1) is not None
    np.testing.assert_array_equal(fitted(image, (30, 40), seed=1), image)


def test_regions_are_where_their_words_say() -> None:
    truth = np.full(SIZE, 3, np.uint8)  # road
    truth[:, 100:] = 8  # car
    truth[0] = 255
    frame = frame_of(np.full(SIZE, 3, np.uint8), truth)
    frame.image[:, 100:] = 250
    frame.image[50:100, 20:60] = 30  # a shadow on the road

    found = regions(frame, load_taxonomy('camvid11'))

    assert set(found) == set(WORDS)
    assert found['sharp edge'][60, 98:102].all()
    assert not found['sharp edge'][60, 104:].any()
    assert found['uniform inside'][20, 20:60].all()
    assert found['shadow'][55:95, 25:55].all()
    assert not found['shadow'][20].any()
    assert found['confidently wrong'][60, 120]
    assert found['confidently right'][60, 10]
    assert found['object'].sum() == (SIZE[0] - 1) * 60
    assert not any(mask[0].any() for mask in found.values())  # unlabelled


def test_the_strongest_window_holds_what_changed() -> None:
    truth = np.zeros((200, 300), np.uint8)
    before, after = truth.copy(), truth.copy()
    before[100:120, 150:170] = 1  # mended: 400 pixels
    after[10:15, 10:14] = 1  # broken: 20 pixels
    everywhere = np.ones(truth.shape, np.bool_)
    changes = gain(truth, before, after)

    best = strongest_window(changes, everywhere, 1)
    worst = strongest_window(changes, everywhere, -1)

    assert (best.strength, worst.strength) == (400, 20)
    assert best.of(before).shape == WINDOW
    assert int((best.of(before) == 1).sum()) == 400
    assert int((worst.of(after) == 1).sum()) == 20


def test_a_sure_error_spreads_to_its_surroundings_alone() -> None:
    truth = np.zeros(SIZE, np.uint8)
    network, after = truth.copy(), truth.copy()
    network[50:60, 50:60] = 4  # wrong, with a probability of 0.95
    after[45:65, 45:65] = 4
    after[45:65, 130:140] = 4  # too far away to come from there
    after[55, 40] = 2  # near, but another class

    found = spread_errors(frame_of(network, truth), after)

    assert found[45:65, 45:65].all()
    assert int(found.sum()) == 400


@pytest.mark.slow
@pytest.mark.needs_crf
@pytest.mark.needs_onnxruntime
@pytest.mark.needs_torch
def test_the_benchmark_runs_and_names_the_bars(tmp_path: Path) -> None:
    file = tmp_path / 'crf.json'
    command = [sys.executable, str(SCRIPT), '--quick', '--case', '480x360x11', '--json', str(file)]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert 'same new label' in done.stdout
    result = json.loads(file.read_text(encoding='utf-8'))
    assert result['cases']['480x360x11']['classic']['pydensecrf']['ms']['median'] > 0.0
    assert result['cases']['480x360x11']['peak_mib']['pydensecrf'] > 0.0
    assert result['bars']


@pytest.mark.needs_torch
@pytest.mark.needs_crf
def test_doubles_side_with_the_gaussian_and_know_what_pydensecrf_approximates() -> None:
    from measuring.crf.arbiter import judged_by_doubles  # noqa: PLC0415 - torch
    from measuring.crf.rivals import PARAMETERS, reference_marginals  # noqa: PLC0415 - pydensecrf

    labels = np.zeros(SIZE, np.uint8)
    labels[30:90, 40:120] = 1
    frame = frame_of(labels, labels)
    noise = np.random.default_rng(0).normal(0, 12, frame.image.shape)
    frame.image[:] = (frame.image + 40 * labels[..., None] + noise).clip(0, 255)
    classic = PARAMETERS['classic']
    exact = refine(frame.probabilities, frame.image, replace(classic, backend='numpy'))

    found = judged_by_doubles(frame, classic, reference_marginals(frame, classic), exact)

    assert found['pydensecrf_to_gaussian_on_lattice'] < 1e-4
    assert found['exact_to_gaussian'] < 1e-3
    assert found['pydensecrf_to_gaussian'] > 5 * found['exact_to_gaussian']
