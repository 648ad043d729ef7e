# SPDX-License-Identifier: Apache-2.0
"""A training run as one value, read from one YAML file; free of torch."""

from .augment import AugmentPart
from .compute import ComputePart
from .crf import CrfPart, KernelPart
from .loss import BoundaryPart, LossPart, WeightsPart
from .recipe import DataPart, InputPart, NetworkPart, OptimizerPart, Recipe, SchedulePart, Source

__all__ = [
    'AugmentPart',
    'BoundaryPart',
    'ComputePart',
    'CrfPart',
    'DataPart',
    'InputPart',
    'KernelPart',
    'LossPart',
    'NetworkPart',
    'OptimizerPart',
    'Recipe',
    'SchedulePart',
    'Source',
    'WeightsPart',
]
