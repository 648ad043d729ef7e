# SPDX-License-Identifier: Apache-2.0
"""What a user asks of the CRF, and what that means for one bundle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seg_node.crf import preset
from seg_node.crf.tuned import TUNED, tuned_crf
from seg_node.errors import CrfError, one_of
from seg_node.pipeline.options import SegmenterOptions

if TYPE_CHECKING:
    from seg_node.bundle import Manifest
    from seg_node.crf import CrfOptions
    from seg_node.crf.tuned import TunedCrf

__all__ = ['AUTO', 'PRESET_CHOICES', 'CrfChoice', 'crf_warning', 'with_crf']

AUTO = 'auto'
CLASSIC = 'classic'
PRESET_CHOICES = (AUTO, CLASSIC, TUNED)
DEFAULTS = SegmenterOptions()


@dataclass(frozen=True, slots=True)
class CrfChoice:
    """The CRF as parameters and arguments name it.

    Attributes:
        enabled: Whether it may run. If not, the thresholds still say which pixels are uncertain.
        preset: ``'classic'``, ``'tuned'``, or ``'auto'`` for the bundle's own if it has one.
        mode: As in ``CrfOptions``; ``'auto'`` for that of the preset.
        resolution: As in ``CrfOptions``; ``'auto'`` for that of the preset.
        backend: As in ``CrfOptions``.
        threads: As in ``CrfOptions``.
        entropy_threshold: As in ``SegmenterOptions``; ``None`` for what the preset was tuned with.
        min_uncertain_fraction: As in ``SegmenterOptions``; ``None`` for what the preset was tuned
            with.
        hysteresis: As in ``SegmenterOptions``.
    """

    enabled: bool = True
    preset: str = AUTO
    mode: str = AUTO
    resolution: str = AUTO
    backend: str = AUTO
    threads: int = 1
    entropy_threshold: float | None = None
    min_uncertain_fraction: float | None = None
    hysteresis: float = DEFAULTS.crf_hysteresis


def with_crf(options: SegmenterOptions, choice: CrfChoice, manifest: Manifest) -> SegmenterOptions:
    """Return options with the CRF as asked.

    Args:
        options: The others.
        choice: What is asked.
        manifest: Of the bundle, which may carry a tuned preset and the gate that fits it.

    Raises:
        CrfError: If a name is unknown, or the CRF is on with a preset that the bundle lacks.
        BundleError: If the preset in the manifest is not valid.
        ParameterError: If a threshold is out of its range.
    """
    tuned = _tuned(choice, manifest)
    threshold, fraction = choice.entropy_threshold, choice.min_uncertain_fraction
    if threshold is None:
        threshold = tuned.entropy_threshold if tuned else DEFAULTS.crf_entropy_threshold
    if fraction is None:
        fraction = tuned.min_uncertain_fraction if tuned else DEFAULTS.crf_min_uncertain_fraction
    return replace(
        options,
        crf=_options(choice, tuned.options if tuned else preset(CLASSIC)),
        crf_entropy_threshold=threshold,
        crf_min_uncertain_fraction=fraction,
        crf_hysteresis=choice.hysteresis,
    )


def crf_warning(choice: CrfChoice, manifest: Manifest) -> str:
    """Return why the CRF that is asked for is not advised; empty if it is off or well proven.

    Args:
        choice: What is asked.
        manifest: Of the bundle.

    Raises:
        CrfError: As ``with_crf``.
        BundleError: As ``with_crf``.
    """
    tuned = _tuned(choice, manifest)
    if not choice.enabled or (tuned is not None and tuned.enabled):
        return ''
    if tuned is not None:
        return (
            f'The CRF preset of bundle {manifest.name!r} missed its bars on held-out frames: '
            f'{tuned.why_not}'
        )
    return (
        f'The CRF runs with the preset {CLASSIC!r}, which tends to remove poles and signs from '
        'street scenes. Fit one to this bundle with "seg tune-crf".'
    )


def _tuned(choice: CrfChoice, manifest: Manifest) -> TunedCrf | None:
    """Return the bundle's own preset if it is to be used."""
    if choice.preset not in PRESET_CHOICES:
        raise CrfError(one_of('CRF preset', choice.preset, PRESET_CHOICES))
    if choice.preset == CLASSIC:
        return None
    tuned = tuned_crf(manifest)
    if tuned is None and choice.preset == TUNED and choice.enabled:
        msg = (
            f'Bundle {manifest.name!r} has no tuned CRF preset. Choose the preset {CLASSIC!r} or '
            f'{AUTO!r}, or make one with "seg tune-crf".'
        )
        raise CrfError(msg)
    return tuned


def _options(choice: CrfChoice, base: CrfOptions) -> CrfOptions | None:
    if not choice.enabled:
        return None
    asked = {'mode': choice.mode, 'resolution': choice.resolution}
    changes = {name: value for name, value in asked.items() if value != AUTO}
    # CrfOptions refuses unknown names.
    return replace(base, backend=choice.backend, threads=choice.threads, **changes)  # type: ignore[arg-type]
