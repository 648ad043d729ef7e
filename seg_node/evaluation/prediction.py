# SPDX-License-Identifier: Apache-2.0
"""What a bundle says about an image, in the classes of a data set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast, TYPE_CHECKING

import numpy as np

from seg_node.datasets import regroup
from seg_node.errors import TaxonomyError
from seg_node.pipeline import Outputs
from seg_node.taxonomy import class_groups, group_id_map, UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from seg_node.datasets import Dataset
    from seg_node.pipeline import CrfDecision, Segmentation, Segmenter
    from seg_node.taxonomy import Taxonomy

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]

__all__ = ['Prediction', 'Predictor', 'comparable']

LEVELS = 255
# What the node computes by default, so that the times are those of the node.
WANTED = Outputs(probabilities=True)


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer for one image.

    Attributes:
        labels: (H, W) uint8, class ids of the data set.
        confidence: (H, W) uint8, 255 x the network's probability of the label.
        probabilities: (K, H, W) float32, the network's, of the classes of the data set.
        times: Seconds spent in each stage of the segmenter.
        crf: What the segmenter decided about the dense CRF.
    """

    labels: UInt8Array
    confidence: UInt8Array
    probabilities: Float32Array
    times: Mapping[str, float] = field(default_factory=dict)
    crf: CrfDecision = 'off'


class Predictor:
    """Asks the segmenter that the node runs, and puts its classes together where they differ.

    If the bundle has the classes of the data set, the labels are exactly those that the node would
    publish. If it has finer ones, the probabilities of each group are summed and the winner is
    taken among the sums; where the dense CRF changed the label, its choice stands.

    Attributes:
        summed: Whether classes are put together.
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
        self.summed = own.names != classes.names
        self._groups = class_groups(own, classes)
        self._group_of = group_id_map(own, classes)

    def __call__(self, image: UInt8Array) -> Prediction:
        """Segment one image.

        Args:
            image: (H, W, 3) uint8 RGB.
        """
        published = self._segmenter(image, WANTED)
        planes = cast('Float32Array', published.probabilities)
        labels, confidence = published.labels, cast('UInt8Array', published.confidence)
        if self.summed:
            labels, confidence, planes = self._sum(published, planes)
        return Prediction(labels, confidence, planes, published.times, published.crf)

    def _sum(
        self, published: Segmentation, planes: Float32Array
    ) -> tuple[UInt8Array, UInt8Array, Float32Array]:
        """Return labels, confidence and probabilities of the groups."""
        grouped: Float32Array = np.tensordot(self._groups, planes, axes=1)
        labels = grouped.argmax(axis=0).astype(np.uint8)
        if published.crf == 'ran':
            changed = published.labels != planes.argmax(axis=0)
            groups = self._group_of.apply(published.labels[changed])
            labels[changed] = np.where(groups == UNLABELLED, labels[changed], groups)
        chosen = np.take_along_axis(grouped, labels[None].astype(np.intp), axis=0)[0]
        confidence = np.rint(chosen * LEVELS).clip(0, LEVELS).astype(np.uint8)
        return labels, confidence, grouped


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
