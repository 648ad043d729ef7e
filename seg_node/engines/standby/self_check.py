# SPDX-License-Identifier: Apache-2.0
"""Compares an engine with a trusted one before it gets its first frame."""

from __future__ import annotations

from typing import NamedTuple, TYPE_CHECKING

import numpy as np

from seg_node.engines.base import Wanted
from seg_node.engines.standby.probe import probe_image
from seg_node.imaging.drivable import drivable_area, drivable_table

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.engines.base import Engine, Inferred

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['TOLERANCES', 'check_images', 'self_check']


class Tolerance(NamedTuple):
    """How far a precision may be from fp32 on the CPU.

    Attributes:
        agreement: Least share of pixels with the same label.
        levels: Confidence and entropy are close if they differ by no more than this, of 255.
        close: Least share of pixels where they are close.
    """

    agreement: float
    levels: int
    close: float


# The shipped networks on the probe: in fp16 99.7 % of the labels agree, and no level differs by
# more than 5; in int8 of another kind 93 %, nine in ten within 30; in bfloat16 95 %, up to 83.
TOLERANCES = {
    'fp32': Tolerance(0.98, 16, 0.99),
    'fp16': Tolerance(0.98, 16, 0.99),
    'int8': Tolerance(0.85, 64, 0.9),
}
LEVELS = 255
LIMITS = (0.5, 0.5)
"""Least probability and largest entropy of a drivable pixel, here."""
MOST_WRONG_DRIVABLE = 0.001
ASKED = Wanted(confidence=True, entropy=True, drivable=LIMITS, scores=True)


def check_images(size: tuple[int, int]) -> tuple[UInt8Array, UInt8Array]:
    """Return the probe and its mirror image.

    Args:
        size: Height and width of the camera's images [px].
    """
    probe = probe_image(size)
    return probe, np.ascontiguousarray(probe[:, ::-1])


def self_check(engine: Engine, trusted: Engine, size: tuple[int, int]) -> str:
    """Return what is wrong with an engine's results in one sentence; empty if nothing is.

    Args:
        engine: The open engine to judge.
        trusted: An open engine of the same bundle whose results count as right.
        size: Height and width of the images to try [px].

    Raises:
        EngineError: If one of them fails.
    """
    taxonomy = engine.bundle.manifest.taxonomy
    tries = [(image, trusted.segment([image], ASKED)[0]) for image in check_images(size)]
    for image, expected in [*tries, tries[0]]:  # an engine may be stuck at its last answer
        got = engine.segment([image], ASKED)[0]
        fault = (
            _impossible(got, len(taxonomy))
            or _far(got, expected, TOLERANCES[engine.precision], trusted.name)
            or _unsafe(got, drivable_table(taxonomy))
        )
        if fault:
            return f'The self-check of {engine.name} in {engine.precision} failed: {fault}'
    return ''


def _impossible(got: Inferred, classes: int) -> str:
    """Return what no network can answer; NaN in its inside ends as one of these."""
    if got.scores is not None and not np.isfinite(np.asarray(got.scores, np.float32)).all():
        return 'scores are NaN or infinite.'
    if (worst := int(got.maps.labels.max())) >= classes:
        return f'label {worst} came out; the bundle has {classes} classes.'
    # The winner of K classes has a probability of at least 1 / K.
    floor = LEVELS // classes - 1
    if got.maps.confidence is not None and int(got.maps.confidence.min()) < floor:
        return f'a confidence of {int(got.maps.confidence.min())} came out; {floor} is the least.'
    return ''


def _far(got: Inferred, expected: Inferred, tolerance: Tolerance, trusted: str) -> str:
    same = float(np.mean(got.maps.labels == expected.maps.labels))
    if same < tolerance.agreement:
        return (
            f'{same:.1%} of the labels are those of {trusted}; expected at least '
            f'{tolerance.agreement:.0%}.'
        )
    for name in ('confidence', 'entropy'):
        close = _close(getattr(got.maps, name), getattr(expected.maps, name), tolerance.levels)
        if close < tolerance.close:
            return (
                f'{close:.1%} of the levels of {name} are within {tolerance.levels} of those of '
                f'{trusted}; expected at least {tolerance.close:.0%}.'
            )
    return ''


def _close(got: UInt8Array | None, expected: UInt8Array | None, levels: int) -> float:
    """Return the share of close levels; none if they are not there."""
    if got is None or expected is None:
        return 0.0
    return float(np.mean(np.abs(got.astype(np.int16) - expected) <= levels))


def _unsafe(got: Inferred, table: UInt8Array) -> str:
    """Return whether drivable pixels are others than labels, confidence and entropy say."""
    maps = got.maps
    if got.drivable_area is None or maps.confidence is None or maps.entropy is None:
        return ''
    least, most = LIMITS
    area = drivable_area(
        maps.labels,
        maps.confidence,
        maps.entropy,
        table,
        min_probability=least,
        max_entropy=most,
    )
    wrong = float(np.mean(area != got.drivable_area))
    if wrong > MOST_WRONG_DRIVABLE:
        return f'{wrong:.1%} of the drivable area contradicts labels, confidence and entropy.'
    return ''
