# SPDX-License-Identifier: Apache-2.0
"""Reports about counts that can be done in the head."""

from __future__ import annotations

import json
from pathlib import Path
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.datasets import Sample
from seg_node.evaluation import as_json, as_text, Evaluation
from seg_node.evaluation.prediction import Prediction
from seg_node.evaluation.tally import Tally
from tiny import TAXONOMY

if TYPE_CHECKING:
    from seg_node.pipeline import CrfDecision


def evaluation(
    truth: list[int], labels: list[int], *, summed: bool = False, crf: CrfDecision = 'off'
) -> Evaluation:
    """Return the evaluation of one row of pixels: confidence 1, three even probabilities."""
    tally = Tally(len(TAXONOMY))
    sample = Sample('row', np.zeros((1, len(truth), 3), np.uint8), np.array([truth], np.uint8))
    certain = np.full((1, len(truth)), 255, np.uint8)
    times = {'infer': 0.010, 'crf': 0.0, 'total': 0.012}
    even = np.full((3, 1, len(truth)), 1 / 3, np.float32)
    tally.add(sample, Prediction(np.array([labels], np.uint8), certain, even, times, crf))
    return Evaluation(
        dataset='rows',
        split='val',
        classes=TAXONOMY,
        summed=summed,
        tally=tally,
        bundle={'name': 'tiny', 'sha256': 'f' * 64, 'taxonomy': 'tiny9'},
        engine={'name': 'fake', 'device': 'none', 'precision': 'fp32', 'threads': 2},
        versions={'numpy': '2.0'},
        machine={'cpu': 'abacus', 'cores': 10},
    )


def text_of(result: Evaluation) -> str:
    return as_text(as_json(result))


def test_json_holds_scores_from_0_to_1_and_null_for_what_never_occurs() -> None:
    data = as_json(evaluation([0, 0, 0, 1, 255], [0, 0, 1, 1, 2]))

    assert data['class_iou'] == {
        'lava': pytest.approx(2 / 3, abs=1e-6),
        'green road': 0.5,
        'water': None,
    }
    assert data['mean_iou'] == pytest.approx((2 / 3 + 1 / 2) / 2, abs=1e-6)
    assert data['classes_in_mean'] == 2
    assert data['global_accuracy'] == 0.75
    assert data['ece'] == 0.25
    assert data['nll'] == pytest.approx(np.log(3), abs=1e-5)
    assert data['crf_frames'] == {'off': 1}
    assert data['class_share'] == {'lava': 0.75, 'green road': 0.25, 'water': 0.0}
    assert data['confusion'] == [[2, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert (data['frames'], data['labelled_pixels']) == (1, 4)
    assert data['stage_ms'] == {'infer': 10.0, 'crf': 0.0, 'total': 12.0}


def test_json_is_valid_even_when_nothing_was_labelled() -> None:
    data = as_json(evaluation([255, 255], [0, 1]))

    text = json.dumps(data, allow_nan=False)
    assert json.loads(text)['mean_iou'] is None
    assert data['worst_frames'] == []


def test_text_shows_the_mean_with_the_classes_it_is_over() -> None:
    text = text_of(evaluation([0, 0, 0, 1], [0, 0, 1, 1]))

    lines = text.splitlines()
    assert 'tiny (ffffffffffff)' in lines[0]
    assert any(line.split() == ['water', *'------', '0.0'] for line in lines)
    lava = next(line.split() for line in lines if line.startswith('lava'))
    assert lava[1:5] == ['66.7', '80.0', '100.0', '66.7']
    assert lava[-1] == '75.0'
    mean = next(line.split() for line in lines if line.startswith('mean IoU'))
    assert mean == ['mean', 'IoU', '58.33', '%', 'over', '2', 'of', '3', 'classes']
    assert 'median ms per frame: infer 10.0, total 12.0' in lines


def test_text_names_classes_that_are_in_no_mean_and_those_that_only_lower_it() -> None:
    text = text_of(evaluation([0, 0], [0, 2]))

    assert 'Neither in the truth nor predicted, not in any mean: green road.' in text
    assert 'Predicted but not in the truth, IoU 0 in the mean: water.' in text


def test_text_says_when_classes_were_put_together() -> None:
    text = text_of(evaluation([0], [0], summed=True))

    assert '3 classes of tiny3, made from tiny9 by summing probabilities' in text


def test_text_keeps_quiet_about_sums_where_only_the_name_of_the_list_differs() -> None:
    assert 'summing' not in text_of(evaluation([0], [0]))


def test_text_says_how_often_the_crf_ran() -> None:
    assert 'The dense CRF refined 1 of 1 frames.' in text_of(evaluation([0], [0], crf='ran'))
    assert 'The dense CRF refined 0 of 1' in text_of(evaluation([0], [0], crf='certain'))
    assert 'CRF' not in text_of(evaluation([0], [0]))


def test_text_is_aligned() -> None:
    table = text_of(evaluation([0, 1], [0, 1])).split('\n\n')[1].splitlines()

    assert len({len(line) for line in table}) == 1


def test_every_key_of_the_json_is_documented() -> None:
    page = Path(__file__).parents[2] / 'docs' / 'evaluation.md'
    section = page.read_text(encoding='utf-8').partition('## JSON')[2]

    first_cells = re.findall(r'^\| (`.+?) \|', section, re.MULTILINE)
    documented = set(re.findall(r'`(.+?)`', ' '.join(first_cells)))

    assert documented == set(as_json(evaluation([0], [0])))
