# SPDX-License-Identifier: Apache-2.0
"""Parameters of what is published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seg_node.errors import ParameterError
from seg_node.interface import DECIMATION_RULES, ImageOptions, parse_autoware_labels
from seg_node.interface.topics import ALL_CLASSES, NO_CLASS

from .spec import Spec

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ['OUTPUTS', 'OutputParameters', 'outputs_faults']


OUTPUTS: tuple[Spec, ...] = (
    Spec(
        'outputs.class_confidence',
        (ALL_CLASSES,),
        'Classes with a topic segmentation/confidence/<class>: names as in segmentation/classes, '
        'or all, or none',
    ),
    Spec(
        'overlay_alpha',
        0.5,
        'Opacity of the class colours in the overlay picture',
        bounds=(0.0, 1.0),
    ),
    Spec(
        'decimated.factor',
        0,
        'Every so many-th pixel in both directions is in the images under segmentation/decimated; '
        '0 takes the smallest factor with at most 400 x 200 pixels',
        bounds=(0, 64),
    ),
    Spec(
        'decimated.rule',
        'obstacle',
        'Label of a pixel there: obstacle, the one around it that a vehicle must not miss (people '
        'and vehicles before poles and signs, before other classes, before unlabelled, before '
        'what is drivable); nearest, that of the pixel itself',
        choices=DECIMATION_RULES,
    ),
    Spec(
        'mask_rle.enabled',
        False,  # noqa: FBT003  # a default
        'Offer segmentation/mask_rle, the mask in the labels and in the form of Autoware',
        change='configure',
    ),
    Spec(
        'mask_rle.labels',
        '',
        'Autoware labels of classes, for example fence=WALL, pole=UNKNOWN; classes that are not '
        'named take the label that fits their name',
        change='configure',
    ),
)


@dataclass(frozen=True)
class OutputParameters:
    """Values of ``OUTPUTS``."""

    outputs_class_confidence: tuple[str, ...]
    overlay_alpha: float
    decimated_factor: int
    decimated_rule: str
    mask_rle_enabled: bool
    mask_rle_labels: str

    @property
    def images(self) -> ImageOptions:
        """How images are made of a result."""
        return ImageOptions(self.overlay_alpha, self.decimated_factor, self.decimated_rule)

    @property
    def runs(self) -> str | None:
        """Labels of the run-length mask; None where it is off."""
        return self.mask_rle_labels if self.mask_rle_enabled else None


def outputs_faults(values: Mapping[str, object]) -> list[str]:
    """Return faults that no value has alone."""
    faults = _class_faults(values.get('outputs.class_confidence', ALL_CLASSES))
    try:
        parse_autoware_labels(str(values.get('mask_rle.labels', '')))
    except ParameterError as err:
        faults.append(f"Parameter 'mask_rle.labels': {err}")
    return faults


def _class_faults(value: object) -> list[str]:
    names = list(value) if isinstance(value, (list, tuple)) else [value]
    if len(names) == 1 or not {ALL_CLASSES, NO_CLASS} & set(names):
        return []
    fault = (
        f"Parameter 'outputs.class_confidence' is {names!r}; expected names of classes, or one of "
        f"['{ALL_CLASSES}'] and ['{NO_CLASS}'] by itself."
    )
    return [fault]
