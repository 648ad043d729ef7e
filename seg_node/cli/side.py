# SPDX-License-Identifier: Apache-2.0
"""One side of a comparison: ``default,precision=int8,crf=tuned``.

First the bundle, then what differs from how the other arguments run it, under the names of the
node's parameters.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any, get_args, TYPE_CHECKING

from seg_node.cli.arguments import at_least_one, positive
from seg_node.cli.crf_options import share
from seg_node.cli.smoothing_options import history
from seg_node.crf.options import BackendName, Mode, Resolution
from seg_node.engines.registry import PRECISIONS
from seg_node.errors import one_of, ParameterError
from seg_node.pipeline import CrfChoice
from seg_node.pipeline.crf_choice import AUTO, PRESET_CHOICES
from seg_node.pipeline.smoothing import SMOOTHING_METHODS, SmoothingOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from seg_node.replay.options import ReplayOptions

__all__ = ['SIDE_NAMES', 'parse_side']

CRF, CRF_PREFIX, OFF = 'crf', 'crf.', 'off'
SMOOTHING, NONE = 'smoothing', 'none'


def _among(*choices: str) -> Callable[[str], str]:
    """Return what takes one of these words."""

    def take(text: str) -> str:
        if text not in choices:
            msg = f'expected one of {", ".join(sorted(choices))}, not {text!r}'
            raise argparse.ArgumentTypeError(msg)
        return text

    return take


KINDS: dict[str, Callable[[str], Any]] = {
    'engine': str,
    'precision': _among(*PRECISIONS),
    'threads': at_least_one,
    'temperature': positive,
    'latency_budget': positive,
    CRF: _among(OFF, *PRESET_CHOICES),
    'crf.mode': _among(AUTO, *get_args(Mode)),
    'crf.resolution': _among(AUTO, *get_args(Resolution)),
    'crf.backend': _among(*get_args(BackendName)),
    'crf.threads': at_least_one,
    'crf.entropy_threshold': share,
    'crf.min_uncertain_fraction': share,
    'crf.hysteresis': share,
    SMOOTHING: _among(NONE, *SMOOTHING_METHODS),
    'smoothing.history': history,
}
SIDE_NAMES = tuple(KINDS)
"""What may stand in a side behind the bundle."""


def parse_side(text: str, base: ReplayOptions) -> ReplayOptions:
    """Return how one side is run.

    Args:
        text: ``BUNDLE[,NAME=VALUE...]``.
        base: What both sides have in common.

    Raises:
        ParameterError: If there is no bundle, a name is unknown or there twice, or a value is not
            allowed.
    """
    bundle, *parts = (part.strip() for part in text.split(','))
    if not bundle or '=' in bundle:
        msg = (
            f'Side {text!r} does not begin with a bundle; expected BUNDLE[,NAME=VALUE...], for '
            'example default,precision=int8.'
        )
        raise ParameterError(msg)
    given = _values(text, parts)
    crf = {name: given.pop(name) for name in list(given) if name.startswith(CRF)}
    smoothing = {name: given.pop(name) for name in list(given) if name.startswith(SMOOTHING)}
    return replace(
        base,
        bundle=bundle,
        crf=_crf(text, crf, base.crf),
        smoothing=_smoothing(text, smoothing, base.smoothing),
        **given,
    )


def _values(text: str, parts: Iterable[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for part in parts:
        name, equals, value = (word.strip() for word in part.partition('='))
        if name not in KINDS or not equals:
            msg = f'Side {text!r}: {one_of("setting", name, KINDS)} Write it as NAME=VALUE.'
            raise ParameterError(msg)
        if name in values:
            msg = f'Side {text!r} says {name!r} twice; leave one out.'
            raise ParameterError(msg)
        try:
            values[name] = KINDS[name](value)
        except argparse.ArgumentTypeError as err:
            msg = f'Side {text!r}: {name} {err}.'
            raise ParameterError(msg) from err
    return values


def _crf(text: str, given: dict[str, Any], base: CrfChoice) -> CrfChoice:
    """Return the CRF of a side; what is said of it without ``crf=`` changes that of the base."""
    preset = given.pop(CRF, None)
    changes = {name.removeprefix(CRF_PREFIX): value for name, value in given.items()}
    if preset == OFF or (preset is None and not base.enabled):
        if changes:
            msg = (
                f'Side {text!r} says how the dense CRF runs, which is off. Add crf=auto, or leave '
                f'{", ".join(given)} out.'
            )
            raise ParameterError(msg)
        return CrfChoice(enabled=False)
    if preset is not None:
        changes |= {'enabled': True, 'preset': preset}
    return replace(base, **changes)


def _smoothing(
    text: str, given: dict[str, Any], base: SmoothingOptions | None
) -> SmoothingOptions | None:
    """Return the smoothing of a side; what is said of it without a method changes the base."""
    method = given.pop(SMOOTHING, base.method if base else NONE)
    changes = {name.removeprefix(f'{SMOOTHING}.'): value for name, value in given.items()}
    if method == NONE:
        if changes:
            msg = f'Side {text!r} says how frames are smoothed, which is off. Add smoothing=flow.'
            raise ParameterError(msg)
        return None
    return replace(base or SmoothingOptions(), method=method, **changes)
