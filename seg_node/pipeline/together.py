# SPDX-License-Identifier: Apache-2.0
"""Images of several cameras through one engine at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
import time
from typing import TYPE_CHECKING

from seg_node.engines.base import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    import numpy.typing as npt

    from seg_node.engines.base import Engine, Inferred

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['Ahead', 'Request', 'infer_together']


@dataclass(frozen=True, slots=True)
class Request:
    """What a segmenter will ask the engine for.

    Attributes:
        image: (H, W, 3) uint8 RGB, upright.
        wanted: What is asked for beside the labels.
    """

    image: UInt8Array
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Ahead:
    """The answer to a request, found before the segmenter's own turn.

    Attributes:
        request: What was asked.
        inferred: What the engine found.
        begun: When it began, on the monotonic clock [s].
    """

    request: Request
    inferred: Inferred
    begun: float


def infer_together(engine: Engine, requests: Sequence[Request]) -> list[Ahead]:
    """Answer requests in as few runs of the engine as there are sizes of images.

    Args:
        engine: That of all segmenters.
        requests: As their segmenters made them, which have the same options.

    Returns:
        The answers in the order of the requests; each has what it wanted, and no more.

    Raises:
        EngineError: If a run failed.
        ValueError: If the requests have different limits of the drivable area.
    """
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, request in enumerate(requests):
        groups.setdefault(request.image.shape, []).append(index)
    answers: dict[int, Ahead] = {}
    for indices in groups.values():
        begun = time.monotonic()
        wanted = _union(requests[index].wanted for index in indices)
        found = engine.segment([requests[index].image for index in indices], wanted)
        for index, inferred in zip(indices, found, strict=True):
            request = requests[index]
            answers[index] = Ahead(request, _own(inferred, request.wanted), begun)
    return [answers[index] for index in range(len(requests))]


def _union(wanted: Iterable[Wanted]) -> Wanted:
    """Return what covers the wishes of all, who agree about the drivable area."""
    every = list(wanted)
    limits = {one.drivable for one in every if one.drivable is not None}
    if len(limits) > 1:
        msg = f'Expected one pair of limits of the drivable area in `requests`, but got {limits}.'
        raise ValueError(msg)
    return Wanted(
        confidence=any(one.confidence for one in every),
        entropy=any(one.entropy for one in every),
        planes=tuple(sorted({index for one in every for index in one.planes})),
        drivable=limits.pop() if limits else None,
        scores=any(one.scores for one in every),
    )


def _own(inferred: Inferred, wanted: Wanted) -> Inferred:
    """Return what the engine would have found for one wish alone."""
    maps, limits = inferred.maps, wanted.drivable
    own = replace(
        maps,
        confidence=maps.confidence if wanted.confidence or limits else None,
        entropy=maps.entropy if wanted.entropy or limits else None,
        planes={index: maps.planes[index] for index in wanted.planes},
        drivable_area=maps.drivable_area if limits else None,
    )
    return replace(
        inferred,
        maps=own,
        drivable_area=inferred.drivable_area if limits else None,
        scores=inferred.scores if wanted.scores else None,
    )
