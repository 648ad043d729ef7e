# SPDX-License-Identifier: Apache-2.0
"""Class weights from pixel counts.

With n_k the pixels of class k, n their sum over all classes, f_k = n_k / n and K classes:

* ``inverse``: 1 / f_k
* ``balanced``: n / (K n_k), the same up to the constant K
* ``median``: median(f) / f_k, with f_k taken over the images that show the class (Eigen and
  Fergus, 2015, section 6.3.2)
* ``enet``: 1 / ln(1.02 + f_k) (Paszke et al., 2016, section 5.2)
* ``effective``: (1 - beta) / (1 - beta^n_k) (Cui et al., 2019, equation 2). Beyond 1 / (1 - beta)
  pixels, by default a million, a class gains nothing from more; 0 weighs all alike, 1 would be
  ``inverse``
"""

from __future__ import annotations

from dataclasses import dataclass
import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np

from seg_node.datasets.regroup import pairs_of
from seg_node.errors import one_of
from seg_node.progress import progress
from seg_node.taxonomy import UNLABELLED
from seg_node.training.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.datasets.base import Dataset
    from seg_node.taxonomy import Taxonomy
    from seg_node.training.recipe.loss import WeightsPart

    Float64Array = npt.NDArray[np.float64]
    Int64Array = npt.NDArray[np.int64]

ENET_OFFSET = 1.02
FORMULAE = ('balanced', 'effective', 'enet', 'inverse', 'median')


@dataclass(frozen=True, slots=True)
class PixelCounts:
    """How often classes occur.

    Attributes:
        pixels: (K,) labelled pixels of each class.
        seen: (K,) labelled pixels of all images that show the class.
    """

    pixels: Int64Array
    seen: Int64Array


def count_pixels(label_maps: Iterable[npt.NDArray[np.uint8]], classes: int) -> PixelCounts:
    """Count the pixels of each class; 255 is left out.

    Args:
        label_maps: (H, W) uint8 each.
        classes: Number of classes K.
    """
    pixels = np.zeros(classes, np.int64)
    seen = np.zeros(classes, np.int64)
    for labels in label_maps:
        counts = np.bincount(labels[labels != UNLABELLED], minlength=classes)[:classes]
        pixels += counts
        seen += np.where(counts > 0, counts.sum(), 0)
    return PixelCounts(pixels, seen)


def class_weights(counts: PixelCounts, options: WeightsPart) -> Float64Array:
    """Return one weight per class, (K,) float64.

    The formula's weights are raised to ``power``, scaled so that the mean over labelled pixels is
    1 (so the learning rate means the same with and without weights), and clipped. A class that
    never occurs has the weight 1: it says nothing about how rare it is elsewhere.

    Raises:
        ValueError: Unknown kind.
    """
    there = counts.pixels > 0
    weights = np.ones(len(counts.pixels))
    if options.kind == 'none' or not there.any():
        return weights
    raw = formula_weights(counts, options.kind, beta=options.beta)[there] ** options.power
    share = counts.pixels[there] / counts.pixels.sum()
    weights[there] = np.clip(raw / (raw * share).sum(), *options.clip)
    return weights


def recipe_weights(
    options: WeightsPart, taxonomy: Taxonomy, counts: Callable[[], PixelCounts]
) -> Float64Array:
    """Return the class weights that a recipe asks for, (K,) float64.

    Args:
        options: Formula, or weights by name.
        taxonomy: The classes.
        counts: Counts the pixels; called only for a formula.

    Raises:
        TaxonomyError: A weight is given for an unknown class.
    """
    weights = np.ones(len(taxonomy))
    for name, weight in options.given.items():
        weights[taxonomy.index(name)] = weight
    return weights if options.kind in {'none', 'given'} else class_weights(counts(), options)


def counts_of(name: str, dataset: Dataset, folder: Path) -> PixelCounts:
    """Return the pixel counts of a data set; counted once per folder, and anew for other data.

    Args:
        name: Of the file in the folder.
        dataset: What to count.
        folder: Of a run; exists.
    """
    cache, digest = folder / f'pixels_{name}.json', _digest(dataset)
    known = json.loads(cache.read_text(encoding='utf-8')) if cache.is_file() else {}
    if known.get('of') == digest:
        return PixelCounts(np.array(known['pixels']), np.array(known['seen']))
    counts = count_dataset(dataset)
    known = {'of': digest, 'pixels': counts.pixels.tolist(), 'seen': counts.seen.tolist()}
    write_whole(cache, json.dumps(known))
    return counts


def _digest(dataset: Dataset) -> str:
    """Return what tells data sets apart, wherever they lie: classes, files, first labels."""
    files = [(pair.name, pair.labels.stat().st_size) for pair in pairs_of(dataset)]
    told = hashlib.blake2b(repr((dataset.taxonomy.names, len(dataset), files)).encode())
    if len(dataset):
        told.update(dataset[0].labels.tobytes())
    return told.hexdigest()


def count_dataset(dataset: Dataset) -> PixelCounts:
    """Return the pixel counts of a data set; a bar shows how far it is."""
    indices = progress(range(len(dataset)), total=len(dataset), what='counted', unit='image')
    return count_pixels((dataset[i].labels for i in indices), len(dataset.taxonomy))


def formula_weights(counts: PixelCounts, kind: str, *, beta: float = 0.999999) -> Float64Array:
    """Return the weights of the formula alone, (K,) float64; a class of no pixels counts as one.

    Args:
        counts: At least one pixel in all.
        kind: One of the formulae above.
        beta: Of ``effective``.

    Raises:
        ValueError: Unknown kind.
    """
    pixels = np.maximum(counts.pixels, 1)
    total, classes = counts.pixels.sum(), len(pixels)
    frequency = pixels / total
    if kind == 'inverse':
        return np.asarray(1 / frequency)
    if kind == 'balanced':
        return np.asarray(total / (classes * pixels))
    if kind == 'enet':
        return np.asarray(1 / np.log(ENET_OFFSET + frequency))
    if kind == 'median':
        shown = pixels / np.maximum(counts.seen, 1)
        return np.asarray(np.median(shown[counts.pixels > 0]) / shown)
    if kind == 'effective':
        return np.asarray((1 - beta) / -np.expm1(pixels * np.log(beta)))
    raise ValueError(one_of('class weights', kind, FORMULAE))
