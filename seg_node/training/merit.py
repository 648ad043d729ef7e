# SPDX-License-Identifier: Apache-2.0
"""What a trained network is worth: measured on held-out data, or known from fold models."""

from __future__ import annotations

from dataclasses import dataclass, field
import logging
from typing import Any, TYPE_CHECKING

from seg_node.bundle.quality import read_quality
from seg_node.training.measure import fit_temperature, measure
from seg_node.training.refinement import learnt_preset, RefinedNetwork
from seg_node.training.run import input_spec
from seg_node.training.samples.sources import open_source, recipe_groups

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.datasets.base import Dataset
    from seg_node.model.network import SegNet
    from seg_node.training.recipe import Recipe, Source
    from seg_node.training.refinement import Refinement

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Merit:
    """How good a network is, and the settings that follow.

    Attributes:
        temperature: Divisor of the scores.
        fitted_on: Words for what it was fitted on.
        figures: For ``Manifest.quality``.
        drivable_threshold: Least probability of a drivable pixel; None if not measured.
    """

    temperature: float
    fitted_on: str
    figures: dict[str, Any] = field(default_factory=dict)
    drivable_threshold: float | None = None


def pooled(path: Path) -> Merit:
    """Return what models of other folds were worth on images that they never saw.

    Raises:
        BundleError: The file cannot be used.
    """
    known = read_quality(path)
    note = (
        'Measured with other models of this kind on images that each of them was not trained on '
        '(cross-validation); sums of all models were added and divided once. The network of this '
        'bundle was trained on all of the data.'
    )
    return Merit(
        known.temperature,
        'images that other models of this kind were not trained on (see quality)',
        {'pooled over fold models': {'note': note, **known.figures}},
        known.drivable_threshold,
    )


def measured(recipe: Recipe, network: SegNet, held_out: Dataset) -> Merit:
    """Return what the network is worth on the recipe's held-out data.

    With a CRF that was trained behind it, the temperature is the one that the CRF has learnt with.
    """
    if recipe.crf.train == 'none':
        temperature = fit_temperature(network, held_out, input_spec(recipe))
        fitted_on = describe(recipe.data.val)
    else:
        temperature, fitted_on = recipe.crf.temperature, 'nothing (crf.temperature of the recipe)'
    return Merit(temperature, fitted_on, _quality(recipe, network, temperature))


def learnt_crf(
    recipe: Recipe, network: SegNet, refinement: Refinement, held_out: Dataset, plain: Merit
) -> dict[str, Any]:
    """Return ``Manifest.crf`` of a trained CRF, measured on the recipe's held-out data.

    Args:
        recipe: What was trained.
        network: The network alone.
        refinement: The CRF.
        held_out: Opened ``data.val``.
        plain: From ``measured``, about the network alone.
    """
    groups, data = recipe_groups(recipe), describe(recipe.data.val)
    refined = RefinedNetwork(network, refinement)
    figures = measure(refined, held_out, input_spec(recipe), groups).figures()  # type: ignore[arg-type]
    logger.info('%s with the CRF: %s', data, figures)
    before, after = plain.figures[data][groups.name], figures[groups.name]
    return learnt_preset(refinement, data, before=before, after=after)


def describe(source: Source) -> str:
    """Return the name of a source without its folder: ``camvid val``."""
    kind, _, rest = source.dataset.partition(':')
    where = f' {rest}' if kind == 'procedural' and rest else ''
    return f'{kind}{where} {source.split}'


def _quality(recipe: Recipe, network: SegNet, temperature: float) -> dict[str, Any]:
    groups, spec = recipe_groups(recipe), input_spec(recipe)
    protocol = (
        'single scale, no flip, scores upsampled to the image, probabilities summed per group, '
        'counts summed over the set'
    )
    quality: dict[str, Any] = {'protocol': protocol}
    for source in (recipe.data.val, *recipe.data.also):
        dataset = open_source(recipe, source)
        figures = measure(network, dataset, spec, groups, temperature=temperature).figures()
        quality[describe(source)] = figures
        logger.info('%s: %s', describe(source), figures)
    return quality
