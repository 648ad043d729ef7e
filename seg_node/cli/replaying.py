# SPDX-License-Identifier: Apache-2.0
"""A replay that shows how far it is, for the verbs that need one."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from seg_node.cli.arguments import writable_folder
from seg_node.errors import SegNodeError
from seg_node.progress import Bar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seg_node.replay.options import ReplayOptions
    from seg_node.replay.run import Replay

__all__ = ['Moving', 'replay_with_bar', 'results_folder']


@contextmanager
def results_folder(name: str) -> Iterator[Path]:
    """Yield the folder for results; it is made, and removed if nothing came of it but an error.

    Raises:
        ParameterError: If it cannot be made or written to.
    """
    is_new = not Path(name).expanduser().exists()
    out = writable_folder(name)
    try:
        yield out
    except SegNodeError:
        if is_new:
            with suppress(OSError):  # there is something in it
                out.rmdir()
        raise


def replay_with_bar(
    bags: Sequence[Path],
    out: Path,
    options: ReplayOptions,
    *,
    what: str = 'replaying',
    ray: str | None = None,
) -> Replay:
    """Replay with a bar on stderr.

    Args:
        bags: As of ``replay``.
        out: As of ``replay``.
        options: As of ``replay``.
        what: Stands in front of the bar.
        ray: Address of a Ray cluster that does the work, or ``'local'``; None for this machine.

    Raises:
        SegNodeError: As ``replay``.
    """
    from seg_node.replay.run import replay  # noqa: PLC0415 - rosbags is optional

    run_tasks = None
    if ray is not None:
        from seg_node.replay.scale.ray_cluster import on_ray  # noqa: PLC0415 - so is ray

        run_tasks = on_ray(ray)
    moving = Moving(what)
    try:
        return replay(bags, out, options, on_progress=moving, run_tasks=run_tasks)
    finally:
        moving.close()


class Moving:
    """A bar whose length is known with the first step."""

    def __init__(self, what: str) -> None:
        """Say what stands in front of it."""
        self._what = what
        self._bar: Bar | None = None
        self._done = 0

    def __call__(self, done: int, total: int) -> None:
        """Show how far it is."""
        if self._bar is None:
            self._bar = Bar(what=self._what, total=total, unit='frame', done=done)
        else:
            self._bar.move(done - self._done)
        self._done = done

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()
