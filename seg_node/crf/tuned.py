# SPDX-License-Identifier: Apache-2.0
"""The preset that ``seg tune-crf`` put into a bundle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TYPE_CHECKING

from seg_node.crf.plain import from_plain
from seg_node.errors import BundleError, CrfError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seg_node.bundle import Manifest
    from seg_node.crf.options import CrfOptions

__all__ = ['TUNED', 'TunedCrf', 'tuned_crf']

TUNED = 'tuned'
"""Name of the preset."""


@dataclass(frozen=True, slots=True)
class TunedCrf:
    """A preset with the gate that was fitted to it.

    Attributes:
        options: Of the CRF; back end and threads are the defaults, not those of the tuning.
        entropy_threshold: A pixel is uncertain above this normalised entropy, 0 to 1.
        min_uncertain_fraction: The CRF is worth its time where at least this share of pixels is
            uncertain, 0 to 1.
        enabled: Whether it reached the bars on held-out frames.
        why_not: Which bars it missed.
    """

    options: CrfOptions
    entropy_threshold: float
    min_uncertain_fraction: float
    enabled: bool
    why_not: str = ''


def tuned_crf(manifest: Manifest) -> TunedCrf | None:
    """Return the preset of a bundle, or None if it was never tuned.

    Raises:
        BundleError: If what the manifest says is not valid.
    """
    data = manifest.crf
    if not data:
        return None
    try:
        return TunedCrf(
            options=from_plain(data['preset']),
            entropy_threshold=_share(data, 'entropy_threshold'),
            min_uncertain_fraction=_share(data, 'min_uncertain_fraction'),
            enabled=bool(data['enabled']),
            why_not=str(data.get('why_not', '')),
        )
    except (KeyError, TypeError, ValueError, CrfError) as err:
        msg = (
            f'Bundle {manifest.name!r} has a CRF preset that is not valid: {type(err).__name__}: '
            f'{err} Tune it again with "seg tune-crf".'
        )
        raise BundleError(msg) from err


def _share(data: Mapping[str, Any], name: str) -> float:
    value = float(data[name])
    if not 0.0 <= value <= 1.0:
        msg = f'{name} is {value!r}; expected a number from 0 to 1.'
        raise ValueError(msg)
    return value
