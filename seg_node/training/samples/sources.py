# SPDX-License-Identifier: Apache-2.0
"""What a recipe names, found on this machine: data sets and classes; free of torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seg_node.datasets import open_dataset
from seg_node.datasets.regroup import pairs_of
from seg_node.errors import DatasetError
from seg_node.taxonomy import load_taxonomy

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.datasets.base import Dataset
    from seg_node.taxonomy import Taxonomy
    from seg_node.training.recipe import Recipe, Source


def place(recipe: Recipe, text: str) -> str:
    """Return a text of the recipe with its ``{name}`` replaced from the recipe's paths.

    Raises:
        DatasetError: A name has no path.
    """
    try:
        return text.format(**recipe.paths)
    except (KeyError, IndexError, ValueError) as err:
        msg = f'The recipe says {text!r}, which needs a path {err}; give it under paths.'
        raise DatasetError(msg) from err


def recipe_taxonomy(recipe: Recipe) -> Taxonomy:
    """Return the classes of the recipe's network.

    Raises:
        TaxonomyError: Their name or file is not known.
    """
    return load_taxonomy(place(recipe, recipe.taxonomy))


def recipe_groups(recipe: Recipe) -> Taxonomy:
    """Return the classes of the recipe's headline number; its own without others.

    Raises:
        TaxonomyError: Their name or file is not known.
    """
    return load_taxonomy(place(recipe, recipe.data.groups or recipe.taxonomy))


def open_source(recipe: Recipe, source: Source) -> Dataset:
    """Open one data set of a recipe with the recipe's paths and classes.

    Raises:
        DatasetError: It cannot be opened, its path has no value, or it is empty.
    """
    spec = place(recipe, source.dataset)
    dataset = open_dataset(spec, split=source.split, taxonomy=place(recipe, recipe.taxonomy))
    if not len(dataset):
        msg = f'The data set {spec!r} has no samples in split {source.split!r}.'
        raise DatasetError(msg)
    return dataset


def shared_images(one: Dataset, other: Dataset) -> tuple[Path, ...]:
    """Return the image files that two data sets have in common, as far as they are files."""
    known = {pair.image.resolve() for pair in pairs_of(one)}
    return tuple(pair.image for pair in pairs_of(other) if pair.image.resolve() in known)
