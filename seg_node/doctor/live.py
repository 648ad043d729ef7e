# SPDX-License-Identifier: Apache-2.0
"""Processes of the ros room, started for a look and ended again."""

from __future__ import annotations

from contextlib import contextmanager
import os
from pathlib import Path
import tempfile
from typing import TYPE_CHECKING

from seg_node.processes import Crew, environment, free_domain, polite_signals

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ['among_others', 'apart']

OWN = ('ROS_DOMAIN_ID', 'ROS_AUTOMATIC_DISCOVERY_RANGE')


@contextmanager
def apart() -> Iterator[Crew]:
    """Yield a crew with the settings of this shell, in a domain where nobody else is."""
    with _crew(environment(free_domain(os.getpid()))) as crew:
        yield crew


@contextmanager
def among_others() -> Iterator[Crew]:
    """Yield a crew in the domain of this shell, which hears what runs there."""
    present = environment(0)
    for name in OWN:
        del present[name]
    present |= {name: os.environ[name] for name in OWN if name in os.environ}
    with _crew(present) as crew:
        yield crew


@contextmanager
def _crew(variables: dict[str, str]) -> Iterator[Crew]:
    with (
        polite_signals(),
        tempfile.TemporaryDirectory(prefix='seg_doctor_') as logs,
        Crew(Path(logs), variables) as crew,
    ):
        yield crew
