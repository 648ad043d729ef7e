# SPDX-License-Identifier: Apache-2.0
"""What a bundle says about an image, in the classes of a data set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from seg_node.datasets import regroup
from seg_node.errors import TaxonomyError
from seg_node.taxonomy import class_groups

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from seg_node.datasets import Dataset
    from seg_node.pipeline import Segmenter
    from seg_node.taxonomy import Taxonomy

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['Prediction', 'Predictor', 'comparable']

LEVELS = 255
TIMED_FRAMES = 30


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer for one image.

    Attributes:
        labels: (H, W) uint8, class ids of the data set.
        confidence: (H, W) uint8, 255 x probability of the label.
        times: Seconds spent in each stage of the segmenter; empty if the frame was not timed.
    """

    labels: UInt8Array
    confidence: UInt8Array
    times: Mapping[str, float] = field(default_factory=dict)


class Predictor:
    """Asks the segmenter that the node runs, and puts its classes together where they differ.

    If the bundle has the classes of the data set, the labels are exactly those that the node would
    publish. If it has finer ones, the probabilities of each group are summed and the winner is
    taken among the sums; then only the first frames are timed, since that takes a second run.
    """

    def __init__(self, segmenter: Segmenter, classes: Taxonomy) -> None:
        """Find out how the classes belong together.

        Args:
            segmenter: Open; the caller closes it.
            classes: Those of the data set.

        Raises:
            TaxonomyError: If the bundle's classes cannot be grouped into them.
        """
        self._segmenter = segmenter
        own = segmenter.engine.bundle.manifest.taxonomy
        same = own.names == classes.names
        self._groups = None if same else class_groups(own, classes)
        self._timed = 0

    def __call__(self, image: UInt8Array) -> Prediction:
        """Segment one image.

        Args:
            image: (H, W, 3) uint8 RGB.
        """
        if self._groups is None:
            published = self._segmenter(image)
            assert published.confidence is not None  # noqa: S101 - asked for by default
            return Prediction(published.labels, published.confidence, published.times)
        planes = np.moveaxis(self._segmenter.probabilities(image), -1, 0)
        grouped = np.tensordot(self._groups, planes, axes=1)
        labels = grouped.argmax(axis=0).astype(np.uint8)
        confidence = np.rint(grouped.max(axis=0) * LEVELS).clip(0, LEVELS).astype(np.uint8)
        return Prediction(labels, confidence, self._times(image))

    def _times(self, image: UInt8Array) -> Mapping[str, float]:
        if self._timed == TIMED_FRAMES:
            return {}
        self._timed += 1
        return self._segmenter(image).times


def comparable(dataset: Dataset, classes: Taxonomy) -> Dataset:
    """Return the data set in classes that a bundle can be compared in.

    Its own classes, if the bundle's can be grouped into them; else the bundle's, if its own can be
    grouped into those.

    Args:
        dataset: The truth.
        classes: Those of the bundle.

    Raises:
        TaxonomyError: If neither can be grouped into the other.
    """
    try:
        class_groups(classes, dataset.taxonomy)
    except TaxonomyError as err:
        try:
            return regroup(dataset, classes)
        except TaxonomyError:
            raise err from None
    return dataset
