# SPDX-License-Identifier: Apache-2.0
"""What a bundle says about an image, in the classes of a data set."""

from __future__ import annotations

from dataclasses import dataclass, field
import math
import time
from typing import cast, TYPE_CHECKING

import numpy as np

from seg_node.datasets import regroup
from seg_node.errors import ParameterError, TaxonomyError
from seg_node.evaluation.views import mean_probabilities, ONE_LOOK
from seg_node.imaging.drivable import drivable_area, drivable_table
from seg_node.pipeline import Outputs, Segmentation
from seg_node.taxonomy import class_groups, group_id_map, UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from seg_node.datasets import Dataset
    from seg_node.evaluation.views import Views
    from seg_node.pipeline import CrfDecision, Segmenter
    from seg_node.taxonomy import IdMap, Taxonomy

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]

__all__ = ['Prediction', 'Predictor', 'comparable', 'with_changes']

LEVELS = 255
SMALLEST = np.finfo(np.float32).tiny
# What the node computes by default, so that the times are those of the node.
WANTED = Outputs(probabilities=True)


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer for one image.

    Attributes:
        labels: (H, W) uint8, class ids of the data set.
        confidence: (H, W) uint8, 255 x the network's probability of the label.
        probabilities: (K, H, W) float32, the network's, of the classes of the data set; None where
            they were not computed.
        times: Seconds spent in each stage of the segmenter.
        crf: What the segmenter decided about the dense CRF.
        published: The same in the classes of the bundle, with entropy and probabilities; None
            where nobody looks at them.
        allowed: (H, W) bool: where the node would publish drivable area if its smallest
            probability were 0; None where nobody looks at it.
    """

    labels: UInt8Array
    confidence: UInt8Array
    probabilities: Float32Array | None
    times: Mapping[str, float] = field(default_factory=dict)
    crf: CrfDecision = 'off'
    published: Segmentation | None = None
    allowed: npt.NDArray[np.bool_] | None = None


class Predictor:
    """Asks the segmenter that the node runs, and puts its classes together where they differ.

    If the bundle has the classes of the data set, the labels are exactly those that the node would
    publish. If it has finer ones, the probabilities of each group are summed and the winner is
    taken among the sums; where the dense CRF changed the label, its choice stands.

    Attributes:
        summed: Whether classes are put together.
        groups: (K, K of the bundle) float32 of 0 and 1: which classes are put together.
    """

    def __init__(self, segmenter: Segmenter, classes: Taxonomy, views: Views = ONE_LOOK) -> None:
        """Find out how the classes belong together.

        Args:
            segmenter: Open; the caller closes it.
            classes: Those of the data set.
            views: How each image is looked at; by default as the node does.

        Raises:
            TaxonomyError: If the bundle's classes cannot be grouped into them.
            ParameterError: If several looks are to be averaged with the dense CRF on.
        """
        if segmenter.options.crf is not None and not views.plain:
            msg = (
                f'The dense CRF refines one look at an image, and the protocol is "{views}". '
                'Leave out --crf, or --flip, --scales and --slide.'
            )
            raise ParameterError(msg)
        self._segmenter = segmenter
        self._views = views
        own = segmenter.engine.bundle.manifest.taxonomy
        self.summed = own.names != classes.names
        self.groups = class_groups(own, classes)
        self._group_of = group_id_map(own, classes)
        self._drivable = drivable_table(own)

    def __call__(self, image: UInt8Array) -> Prediction:
        """Segment one image.

        Args:
            image: (H, W, 3) uint8 RGB.
        """
        return self.of(self._segmenter(image, WANTED) if self._views.plain else self._look(image))

    def of(self, published: Segmentation) -> Prediction:
        """Return what the segmenter said about an image, in the classes of the data set.

        Args:
            published: With confidence and entropy; with probabilities if classes are put together.
        """
        planes = published.probabilities
        labels, confidence = published.labels, cast('UInt8Array', published.confidence)
        if self.summed:
            labels, confidence, planes = self._sum(published, cast('Float32Array', planes))
        return Prediction(
            labels=labels,
            confidence=confidence,
            probabilities=planes,
            times=published.times,
            crf=published.crf,
            published=published,
            allowed=self._allowed(published),
        )

    def _look(self, image: UInt8Array) -> Segmentation:
        """Return what the mean of several looks says, in the classes of the bundle."""
        start = time.perf_counter()
        planes = mean_probabilities(self._segmenter, image, self._views)
        nats = -(planes * np.log(np.maximum(planes, SMALLEST))).sum(axis=0)
        return Segmentation(
            labels=planes.argmax(axis=0).astype(np.uint8),
            confidence=_levels(planes.max(axis=0)),
            entropy=_levels(nats / math.log(max(len(planes), 2))),
            times={'total': time.perf_counter() - start},
            probabilities=planes,
        )

    def _allowed(self, published: Segmentation) -> npt.NDArray[np.bool_]:
        """Return where drivable area would be published if its smallest probability were 0."""
        area = drivable_area(
            published.labels,
            cast('UInt8Array', published.confidence),
            cast('UInt8Array', published.entropy),
            self._drivable,
            min_probability=0.0,
            max_entropy=self._segmenter.options.drivable_max_entropy,
        )
        if published.crf == 'ran':  # both the network and the CRF must say so
            area &= self._drivable[cast('UInt8Array', published.network_labels)]
        return area > 0

    def _sum(
        self, published: Segmentation, planes: Float32Array
    ) -> tuple[UInt8Array, UInt8Array, Float32Array]:
        """Return labels, confidence and probabilities of the groups."""
        grouped: Float32Array = np.tensordot(self.groups, planes, axes=1)
        labels = grouped.argmax(axis=0).astype(np.uint8)
        if published.crf == 'ran':
            own = cast('UInt8Array', published.network_labels)
            labels = with_changes(labels, own, published.labels, self._group_of)
        chosen = np.take_along_axis(grouped, labels[None].astype(np.intp), axis=0)[0]
        return labels, _levels(chosen), grouped


def _levels(shares: Float32Array) -> UInt8Array:
    """Return 255 x a share of 0 to 1, rounded."""
    return np.rint(shares * LEVELS).clip(0, LEVELS).astype(np.uint8)


def with_changes(
    labels: UInt8Array, own: UInt8Array, refined: UInt8Array, group_of: IdMap
) -> UInt8Array:
    """Return labels of the groups; where the dense CRF changed one, the group of its choice.

    Args:
        labels: (H, W) uint8, the network's labels among the groups.
        own: (H, W) uint8, the network's labels in its own classes.
        refined: (H, W) uint8, those of the CRF.
        group_of: From the network's own classes to the groups; a choice of no group changes
            nothing.
    """
    groups = group_of.apply(refined)
    return np.where((refined == own) | (groups == UNLABELLED), labels, groups).astype(np.uint8)


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
