# SPDX-License-Identifier: Apache-2.0
"""The bundle's answer in the classes of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.crf import preset
from seg_node.datasets import Sample
from seg_node.errors import TaxonomyError
from seg_node.evaluation.prediction import comparable, Predictor
from seg_node.pipeline import SegmenterOptions
from seg_node.taxonomy import load_taxonomy
from tiny import Scenes, SIZE, TAXONOMY

from .conftest import constant

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from seg_node.pipeline import Segmenter
    from seg_node.taxonomy import Taxonomy

FINE, COARSE = load_taxonomy('cityscapes19'), load_taxonomy('camvid11')
GREY = np.full((*SIZE, 3), 128, np.uint8)


def scores(**levels: float) -> npt.NDArray[np.float32]:
    """Return one score per Cityscapes class: -10, or what was given for it."""
    values = np.full(len(FINE), -10, np.float32)
    for name, level in levels.items():
        values[FINE.index(name)] = level
    return values


def test_labels_are_those_of_the_segmenter_when_the_classes_are_the_same(
    make_segmenter: Callable[..., Segmenter], scenes: Scenes
) -> None:
    segmenter = make_segmenter()
    image = scenes[0].image

    prediction = Predictor(segmenter, TAXONOMY)(image)

    published = segmenter(image)
    assert published.confidence is not None
    assert np.array_equal(prediction.labels, published.labels)
    assert np.array_equal(prediction.confidence, published.confidence)
    assert prediction.times['total'] > 0


def test_probabilities_are_summed_before_the_winner_is_taken(
    make_segmenter: Callable[..., Segmenter],
) -> None:
    """Car and truck have e^1 each, road e^1.5 = 4.48: road beats either but not both."""
    segmenter = make_segmenter(FINE, constant(scores(car=1.0, truck=1.0, road=1.5)))

    prediction = Predictor(segmenter, COARSE)(GREY)

    assert (segmenter(GREY).labels == FINE.index('road')).all()
    assert (prediction.labels == COARSE.index('Car')).all()
    together = 2 * np.exp(1.0) / (2 * np.exp(1.0) + np.exp(1.5) + 16 * np.exp(-10.0))
    assert (prediction.confidence == round(255 * together)).all()


def test_an_image_goes_through_the_network_once_and_every_frame_is_timed(
    make_segmenter: Callable[..., Segmenter],
) -> None:
    answer = constant(scores(road=1.0))
    runs = []

    def count(batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        runs.append(len(batch))
        return answer(batch)

    predict = Predictor(make_segmenter(FINE, count), COARSE)

    timed = [bool(predict(GREY).times) for _ in range(3)]

    assert timed == [True] * 3
    assert runs == [1] * 3


@pytest.mark.parametrize(('classes', 'count'), [(FINE, 19), (COARSE, 11)], ids=['same', 'summed'])
def test_probabilities_are_those_of_the_classes_of_the_data(
    make_segmenter: Callable[..., Segmenter], classes: Taxonomy, count: int
) -> None:
    predict = Predictor(make_segmenter(FINE, constant(scores(car=2.0, truck=1.0))), classes)

    prediction = predict(GREY)

    planes = prediction.probabilities
    assert planes is not None
    assert planes.shape == (count, *SIZE)
    np.testing.assert_allclose(planes.sum(axis=0), 1.0, atol=1e-5)
    winner = planes.max(axis=0)
    assert (prediction.confidence == np.rint(255 * winner)).all()


@pytest.mark.needs_crf
def test_what_the_crf_changed_stands_among_the_sums(
    make_segmenter: Callable[..., Segmenter],
) -> None:
    """The CRF gives a speckle of person to the road around it, and leaves the rest to the sums.

    Car and truck together beat the road on the right, where the CRF has nothing to change.
    """
    planes = np.broadcast_to(scores(road=3.0)[:, None, None], (len(FINE), 24, 32)).copy()
    planes[:, 4:6, 4:6] = scores(road=3.0, person=3.3)[:, None, None]
    planes[:, :, 16:] = scores(road=1.5, car=1.0, truck=1.0)[:, None, None]
    options = SegmenterOptions(crf=preset('classic'), crf_min_uncertain_fraction=0.0)
    answer = planes[None].astype(np.float32)
    plain = Predictor(make_segmenter(FINE, lambda _: answer), COARSE)(GREY)

    refined = Predictor(make_segmenter(FINE, lambda _: answer, options), COARSE)(GREY)

    road, car = COARSE.index('Road'), COARSE.index('Car')
    assert (plain.crf, refined.crf) == ('off', 'ran')
    assert plain.labels[10, 10] == COARSE.index('Pedestrian')
    assert refined.labels[10, 10] == road
    assert (refined.labels[:, 40:] == car).all()
    assert refined.probabilities is not None
    own = np.take_along_axis(refined.probabilities, refined.labels[None].astype(np.intp), axis=0)
    assert np.array_equal(refined.confidence, np.rint(255 * own[0]))


def test_classes_that_cannot_be_grouped_are_refused(
    make_segmenter: Callable[..., Segmenter],
) -> None:
    with pytest.raises(TaxonomyError, match="'tiny3' cannot be mapped to 'camvid11'"):
        Predictor(make_segmenter(), COARSE)


def one_pixel(taxonomy: str, label: int) -> Scenes:
    """Return a data set of a single labelled pixel."""
    sample = Sample('one', np.zeros((1, 1, 3), np.uint8), np.full((1, 1), label, np.uint8))
    return Scenes(load_taxonomy(taxonomy), (sample,))


def test_the_data_keep_their_classes_when_those_of_the_bundle_are_finer() -> None:
    data = one_pixel('camvid11', 8)

    assert comparable(data, FINE) is data


def test_finer_data_are_grouped_into_the_classes_of_the_bundle() -> None:
    data = comparable(one_pixel('cityscapes19', FINE.index('truck')), COARSE)

    assert data.taxonomy == COARSE
    assert data[0].labels.tolist() == [[COARSE.index('Car')]]


def test_data_and_bundle_that_have_nothing_in_common_are_refused() -> None:
    with pytest.raises(TaxonomyError, match="'tiny3' cannot be mapped to 'camvid11'"):
        comparable(one_pixel('camvid11', 0), TAXONOMY)
