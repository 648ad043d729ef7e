# SPDX-License-Identifier: Apache-2.0
"""All checks, in the order in which they are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .computer import look_at_computer
from .installation import look_at_installation
from .large_images import send_large_images
from .middleware import look_at_middleware
from .model import look_at_model
from .settings import read_settings
from .topic import watch_topic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .finding import Finding

__all__ = ['Request', 'examine']


@dataclass(frozen=True, slots=True)
class Request:
    """What to look at.

    Attributes:
        bundle: Name or folder of the bundle that the node shall run.
        parameters: Parameter file of the node; None for the defaults.
        topic: Camera topic of a running system; empty to leave it out.
        seconds: How long that topic is watched [s].
        live: Whether images are sent between processes; takes some seconds.
    """

    bundle: str = 'default'
    parameters: Path | None = None
    topic: str = ''
    seconds: float = 3.0
    live: bool = True


def examine(request: Request) -> Iterator[tuple[str, Sequence[Finding]]]:
    """Yield the name of each group and its findings, as soon as they are known.

    Raises:
        ParameterError: If the parameter file cannot be read.
    """
    settings = read_settings(request.parameters)
    yield 'installation', tuple(look_at_installation())
    yield 'model', tuple(look_at_model(request.bundle))
    yield 'computer', tuple(look_at_computer(settings))
    yield 'middleware', tuple(look_at_middleware())
    if request.live:
        yield 'large images', tuple(send_large_images())
    if request.topic:
        yield f'topic {request.topic}', tuple(watch_topic(request.topic, request.seconds))
