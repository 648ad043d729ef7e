# SPDX-License-Identifier: Apache-2.0
"""How right the bundle is at the image size beside whose speed it stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TYPE_CHECKING

from seg_node.datasets import open_dataset, spread
from seg_node.evaluation import evaluate, open_for_evaluation
from seg_node.evaluation.figures import figures

from .drive import fitted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seg_node.bundle import Bundle
    from seg_node.datasets import Dataset, Sample
    from seg_node.taxonomy import Taxonomy

    from .options import BenchmarkOptions

__all__ = ['AtSize', 'measured', 'measured_before']


@dataclass(frozen=True, slots=True)
class AtSize:
    """A data set whose images and truth are cut and scaled to one size.

    Attributes:
        dataset: Where samples come from.
        size: (height, width) [px].
    """

    dataset: Dataset
    size: tuple[int, int]

    @property
    def taxonomy(self) -> Taxonomy:
        """The classes of the data set."""
        return self.dataset.taxonomy

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.dataset)

    def __getitem__(self, index: int) -> Sample:
        """Return one sample; labels are scaled to the nearest."""
        sample = self.dataset[index]
        image, labels = fitted(sample.image, self.size), fitted(sample.labels, self.size)
        return replace(sample, image=image, labels=labels)


def measured(
    options: BenchmarkOptions, sizes: Mapping[str, tuple[int, int]]
) -> dict[str, dict[str, Any]]:
    """Return the mean IoU by size, through the segmenter that the node runs.

    Raises:
        DatasetError: If the data set cannot be read.
        TaxonomyError: If its classes cannot be compared with those of the bundle.
    """
    name = str(options.data)
    dataset = spread(open_dataset(name, options.split, None), options.labelled)
    found = {}
    with open_for_evaluation(
        options.bundle, options.engine, threads=options.threads, precision=options.precision
    ) as segmenter:
        for key, size in sizes.items():
            done = evaluate(segmenter, AtSize(dataset, size), name=name, split=options.split)
            found[key] = {
                'mean_iou': figures(done.tally.sums, done.classes)['mean_iou'],
                'classes': done.classes.name,
                'images': len(dataset),
                'source': f'{name.partition(":")[0]} {options.split}, at this size',
                'at_this_size': True,
            }
    return found


def measured_before(bundle: Bundle) -> dict[str, Any] | None:
    """Return the mean IoU that the manifest tells, at the size of the data it was measured on."""
    return next(_told(bundle.manifest.quality), None)


def _told(quality: Mapping[str, Any], name: str = 'manifest') -> Iterator[dict[str, Any]]:
    for key, value in quality.items():
        if key == 'mean_iou':
            yield {
                'mean_iou': value,
                'classes': quality.get('taxonomy', ''),
                'source': name,
                'at_this_size': False,
            }
        elif isinstance(value, dict):
            yield from _told(value, f'{name}, {key}')
