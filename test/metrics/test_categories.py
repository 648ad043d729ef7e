# SPDX-License-Identifier: Apache-2.0
"""Classes and categories, against cityscapesScripts on the same label images."""

from __future__ import annotations

from importlib import import_module
import math
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import pytest

from seg_node.metrics import (
    CATEGORIES,
    category_iou,
    class_iou,
    count_pairs,
    has_categories,
    mean_iou_of_set,
    sum_categories,
)
from seg_node.taxonomy import load_id_map, load_taxonomy

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    Labels = npt.NDArray[np.uint8]
    Pair = tuple[Labels, Labels]

NAMES = load_taxonomy('cityscapes19').names
FILE_IDS = 34  # of Cityscapes' label files, those that are not evaluated included
EVALUATED = np.flatnonzero(load_id_map('cityscapes_label_ids').table[:FILE_IDS] != 255)


def label_files(seed: int) -> Pair:
    """Return true and predicted file ids: the truth has all 34, without trains; half is right."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, FILE_IDS, (40, 60)).astype(np.uint8)
    truth[truth == 31] = 7
    guess = rng.choice(EVALUATED[EVALUATED != 31], truth.shape).astype(np.uint8)
    knows = np.isin(truth, EVALUATED) & (rng.random(truth.shape) < 0.5)
    return np.where(knows, truth, guess), guess


def official_scores(folder: Path, pairs: list[Pair]) -> dict[str, Any]:
    """Return what cityscapesScripts says about pairs of label files."""
    evaluation = import_module('cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling')
    evaluation.args.evalInstLevelScore = False
    evaluation.args.JSONOutput = False
    evaluation.args.quiet = True
    files: tuple[list[str], list[str]] = ([], [])
    for number, pair in enumerate(pairs):
        for kind, labels, names in zip(('true', 'predicted'), pair, files, strict=True):
            names.append(str(folder / f'{kind}_{number}.png'))
            cv2.imwrite(names[-1], labels)
    truth, predicted = files
    result: dict[str, Any] = evaluation.evaluateImgLists(predicted, truth, evaluation.args)
    return result


@pytest.mark.needs_cityscapesscripts
def test_iou_agrees_with_cityscapes_scripts(tmp_path: Path) -> None:
    """Over a set of two images, with ids that are not evaluated, and a class that never occurs."""
    pairs = [label_files(0), label_files(1)]
    ids = load_id_map('cityscapes_label_ids')

    counts = np.sum([count_pairs(ids.apply(t), ids.apply(p), 19) for t, p in pairs], axis=0)

    official = official_scores(tmp_path, pairs)
    classes = [official['classScores'][name] for name in NAMES]
    categories = [official['categoryScores'][name] for name in CATEGORIES]
    assert math.isnan(classes[NAMES.index('train')])
    assert class_iou(counts).tolist() == pytest.approx(classes, rel=1e-12, nan_ok=True)
    assert category_iou(counts, NAMES).tolist() == pytest.approx(categories, rel=1e-12)
    assert mean_iou_of_set(counts) == pytest.approx(official['averageScoreClasses'])


@pytest.mark.needs_cityscapesscripts
def test_categories_are_those_of_cityscapes_scripts() -> None:
    labels = import_module('cityscapesscripts.helpers.labels').labels

    official: dict[str, list[str]] = {}
    for label in labels:
        if not label.ignoreInEval:
            official.setdefault(label.category, []).append(label.name)

    assert {name: list(members) for name, members in CATEGORIES.items()} == official


def test_each_class_of_cityscapes_is_in_one_category() -> None:
    members = [name for one in CATEGORIES.values() for name in one]

    assert sorted(members) == sorted(NAMES)


def test_confusion_inside_a_category_does_not_count() -> None:
    counts = np.zeros((19, 19), np.int64)
    car, bus, sky = (NAMES.index(name) for name in ('car', 'bus', 'sky'))
    counts[car, bus], counts[bus, bus], counts[car, sky] = 5, 2, 1

    scores = dict(zip(CATEGORIES, category_iou(counts, NAMES).tolist(), strict=True))

    assert scores['vehicle'] == 7 / 8
    assert scores['sky'] == 0.0
    assert math.isnan(scores['human'])


def test_sums_of_categories_keep_every_pixel() -> None:
    truth, predicted = label_files(3)
    ids = load_id_map('cityscapes_label_ids')
    counts = count_pairs(ids.apply(truth), ids.apply(predicted), 19)

    assert sum_categories(counts, NAMES).sum() == counts.sum()


def test_classes_of_others_have_no_categories() -> None:
    names = load_taxonomy('camvid11').names

    assert not has_categories(names)
    with pytest.raises(ValueError, match='not those of Cityscapes'):
        category_iou(np.zeros((11, 11), np.int64), names)


def test_categories_refuse_counts_without_names() -> None:
    with pytest.raises(ValueError, match=r'\(3, 3\) for 19 names'):
        sum_categories(np.zeros((3, 3), np.int64), NAMES)
