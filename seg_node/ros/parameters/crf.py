# SPDX-License-Identifier: Apache-2.0
"""Parameters of the dense CRF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args, TYPE_CHECKING

from seg_node.crf.options import BackendName, Mode, Resolution
from seg_node.crf.registry import BACKENDS, why_missing
from seg_node.pipeline.crf_choice import AUTO, PRESET_CHOICES

from .spec import Spec

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ['CRF', 'CrfParameters', 'crf_faults']

TUNED_VALUE = -1.0  # stands for what the preset was tuned with

CRF: tuple[Spec, ...] = (
    Spec('crf.enabled', False, 'Refine uncertain frames with a dense CRF'),  # noqa: FBT003
    Spec(
        'crf.preset',
        AUTO,
        'Weights and widths of the CRF; auto takes those tuned for the bundle if it has any, else '
        'the classic ones',
        choices=PRESET_CHOICES,
    ),
    Spec(
        'crf.mode',
        AUTO,
        'How exactly the native back end computes; auto takes what the preset says',
        choices=(AUTO, *get_args(Mode)),
    ),
    Spec(
        'crf.resolution',
        AUTO,
        "Solve on the pixels of the image (output) or on the grid of the network's scores "
        '(network); auto takes what the preset says',
        choices=(AUTO, *get_args(Resolution)),
    ),
    Spec(
        'crf.backend',
        AUTO,
        'Who computes the CRF; auto takes the best one that works here',
        choices=get_args(BackendName),
    ),
    Spec('crf.threads', 2, 'Threads of the CRF', bounds=(1, 64)),
    Spec(
        'crf.entropy_threshold',
        TUNED_VALUE,
        'A pixel whose normalised entropy is above this is uncertain; -1 takes what the preset '
        'was tuned with, or 0.5',
        bounds=(-1.0, 1.0),
    ),
    Spec(
        'crf.min_uncertain_fraction',
        TUNED_VALUE,
        'The CRF runs on frames with at least this share of uncertain pixels; 0 is every frame, '
        '-1 takes what the preset was tuned with, or 0.05',
        bounds=(-1.0, 1.0),
    ),
    Spec(
        'crf.hysteresis',
        0.2,
        'Once the CRF has run, it goes on until the share of uncertain pixels falls below '
        'min_uncertain_fraction by this part of it',
        bounds=(0.0, 1.0),
    ),
)


@dataclass(frozen=True)
class CrfParameters:
    """Values of ``CRF``."""

    crf_enabled: bool
    crf_preset: str
    crf_mode: str
    crf_resolution: str
    crf_backend: str
    crf_threads: int
    crf_entropy_threshold: float
    crf_min_uncertain_fraction: float
    crf_hysteresis: float


def crf_faults(values: Mapping[str, object]) -> list[str]:
    """Return what is wrong with these values beyond type, bounds and choice."""
    faults = []
    backend = values.get('crf.backend')
    if values.get('crf.enabled') is True and backend in BACKENDS and why_missing(str(backend)):
        faults.append(
            f"Parameter 'crf.backend' is {backend!r}, which does not work here: "
            f"{why_missing(str(backend))} Or set it to 'auto'."
        )
    for name in ('crf.entropy_threshold', 'crf.min_uncertain_fraction'):
        value = values.get(name)
        if isinstance(value, float) and TUNED_VALUE < value < 0.0:
            faults.append(
                f'Parameter {name!r} is {value!r}; expected 0 to 1, or {TUNED_VALUE:g} for what '
                'the preset was tuned with.'
            )
    return faults
