# SPDX-License-Identifier: Apache-2.0
"""Gets an engine on the GPU, beside the frames: builds, opens and checks it, again and again."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
import logging
from threading import Condition, Lock, Thread
import time
from typing import Any, TYPE_CHECKING

from seg_node.engines.standby.backend import fault_of, GpuError, GpuPlan, plan_after
from seg_node.engines.standby.build_process import BuildJob, BuildProcess
from seg_node.engines.standby.context import abandon, spoil
from seg_node.engines.standby.self_check import self_check
from seg_node.engines.standby.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seg_node.bundle import Bundle
    from seg_node.engines.base import Engine
    from seg_node.engines.standby.backend import GpuBackend
    from seg_node.engines.standby.standing import Patience

__all__ = ['GpuSupply']

STEADY_S = 60.0
"""An engine that served for so long was a success: the next pause is a short one again."""
JOIN_S = 1.0
LOG_STEP = 0.1
LAST_WORDS = 'Nothing more is tried until the node is configured anew.'

logger = logging.getLogger(__name__)


class GpuSupply:
    """Keeps one engine on the GPU, from a thread of its own.

    A caller asks for images of a size, borrows the engine for each frame while there is one, and
    reports if it fails. The engine is opened, checked and closed in the thread, and used by the
    caller, never at once.
    """

    def __init__(
        self,
        backend: GpuBackend,
        bundle: Bundle,
        precision: str,
        open_trusted: Callable[[], Engine],
        patience: Patience,
    ) -> None:
        """Prepare; nothing is started yet.

        Args:
            backend: How to get an engine.
            bundle: What it shall run.
            precision: Of the first attempt.
            open_trusted: Returns an open engine on the CPU of its own, to compare with.
            patience: With builders and after failures.
        """
        self._backend = backend
        self._bundle = bundle
        self._open_trusted = open_trusted
        self._patience = patience
        self._thread = Thread(target=self._run, name='seg_node gpu', daemon=True)
        self._in_use = Lock()
        self._changed = Condition()  # for all that follows
        self._next: GpuPlan | None = GpuPlan((0, 0), precision)
        self._size: tuple[int, int] | None = None
        self._serving: tuple[tuple[int, int], Engine] | None = None
        self._loss: GpuError | None = None
        self._closing = False
        self._failures = 0
        self._standing = Standing()
        self._builder: BuildProcess | None = None

    # For the caller

    @property
    def standing(self) -> Standing:
        """What is known at present."""
        return self._standing

    def start(self) -> None:
        """Begin; an engine is built as soon as a size is asked for."""
        self._thread.start()

    def want(self, size: tuple[int, int]) -> None:
        """Ask for an engine for images of a height and width [px], instead of any other."""
        with self._changed:
            self._size = size
            self._changed.notify_all()

    @contextmanager
    def borrowed(self, size: tuple[int, int]) -> Iterator[Engine | None]:
        """Lend the engine for one frame of a size; None if there is none for it."""
        with self._in_use:
            serving = self._serving
            yield serving[1] if serving and serving[0] == size else None

    def lost(self, error: Exception) -> str:
        """Take back an engine that failed with a frame, and return what to tell.

        Args:
            error: What it raised.
        """
        fault = self._known(error)
        if fault.kind not in ('spoilt', 'memory'):
            fault = GpuError(str(fault), 'device')
        with self._changed:
            self._serving, self._loss = None, fault
            pause = self._patience.pause_after(self._failures + 1)
            phase = 'off' if fault.kind == 'spoilt' else 'pausing'
            self._tell(phase=phase, pause=pause, fault=str(fault))
            self._changed.notify_all()
        return str(fault)

    def close(self) -> None:
        """End the builder and the thread, and free the engine."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            if self._builder is not None:
                self._builder.end()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)
        if self._thread.is_alive():
            logger.warning('An engine is still being opened on the GPU; it is freed after that.')

    # In the thread

    def _run(self) -> None:
        while (plan := self._next_plan()) is not None:
            self._attempt(plan)

    def _attempt(self, plan: GpuPlan) -> None:
        try:
            engine = self._bring_up(plan)
        except Exception as err:  # noqa: BLE001  # whatever it is, frames go on without it
            self._failed(plan, self._known(err))
        else:
            self._serve(plan, engine)

    def _next_plan(self) -> GpuPlan | None:
        """Wait until there is something to do, and return it; None for the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._size is not None)
            if self._closing or self._next is None or self._size is None:
                return None
            plan = replace(self._next, image_size=self._size)
            self._tell(plan=plan)
            return plan

    def _bring_up(self, plan: GpuPlan) -> Engine:
        """Return an engine that is built, open and checked; raise whatever a library raises."""
        if not self._backend.is_built(self._bundle, plan):
            self._build(plan)
        self._tell(phase='opening')
        engine = self._backend.open(self._bundle, plan)
        try:
            self._check(engine, plan)
        except Exception as err:
            self._free(engine, fault_of(err))
            raise
        return engine

    def _check(self, engine: Engine, plan: GpuPlan) -> None:
        self._tell(phase='checking')
        with self._open_trusted() as trusted:
            fault = self_check(engine, trusted, plan.image_size)
        if fault:
            raise GpuError(fault, 'wrong')

    def _build(self, plan: GpuPlan) -> None:
        builder = BuildProcess(
            BuildJob(_path(self._backend), self._bundle.path, plan), self._patience.build
        )
        with self._changed:
            if self._closing:
                builder.end()
            self._builder = builder
        logger.info('Building an engine for the GPU: %s.', plan)
        self._tell(phase='building', share=0.0)
        try:
            builder.run(self._progressed)
        finally:
            self._builder = None
        if not self._backend.is_built(self._bundle, plan):
            msg = 'The builder ended well, but its engine is not there; is the disk full?'
            raise GpuError(msg, 'disk')

    def _progressed(self, share: float) -> None:
        before = self._standing.share
        self._tell(share=share)
        if int(share / LOG_STEP) > int(before / LOG_STEP):
            logger.info('Building an engine for the GPU: %.0f %%.', 100.0 * share)

    def _serve(self, plan: GpuPlan, engine: Engine) -> None:
        """Let frames go to an engine until it fails, another size is wanted, or the end."""
        begun = time.monotonic()
        with self._changed:
            self._loss = None
            self._serving = plan.image_size, engine
            self._tell(phase='in use', fault='')
            self._changed.wait_for(
                lambda: self._closing or self._loss or self._size != plan.image_size
            )
            self._serving = None
            loss = self._loss
        with self._in_use:  # the frame at hand comes first; the next ones do not wait
            pass
        self._free(engine, loss)
        if time.monotonic() - begun > STEADY_S:
            self._failures = 0
        if loss is not None:
            self._failed(plan, loss)

    def _failed(self, plan: GpuPlan, fault: GpuError) -> None:
        """Decide what is tried after a failure, and when."""
        if self._closing:
            return
        text = str(fault)
        logger.warning('The GPU is not in use: %s', text)
        self._failures += 1
        self._next = plan_after(plan, fault.kind, self._backend.precisions)
        if self._next is None:
            last = '' if fault.kind == 'spoilt' else f' {LAST_WORDS}'
            self._tell(phase='off', fault=text + last)
            return
        if self._next != plan:
            self._concede(plan, self._next, text)
        if self._next == plan or fault.kind == 'killed':
            self._pause(text)

    def _concede(self, plan: GpuPlan, instead: GpuPlan, why: str) -> None:
        before, after = plan.manner, instead.manner
        words = f'{after} instead of {before}: {why}'
        self._tell(concessions=(*self._standing.concessions, words))

    def _pause(self, why: str) -> None:
        with self._changed:
            seconds = self._patience.pause_after(self._failures)
            self._tell(phase='pausing', pause=seconds, fault=why)
            self._changed.wait_for(lambda: self._closing, seconds)

    def _free(self, engine: Engine, fault: GpuError | None) -> None:
        """Close an engine, unless that would touch a GPU that is lost for this process."""
        if fault is not None and fault.kind == 'spoilt':
            abandon(engine)
            return
        try:
            engine.close()
        except Exception:  # what is lost is the engine's memory; frames go on
            logger.exception('The engine on the GPU could not be freed.')

    def _known(self, error: Exception) -> GpuError:
        """Return an error as a fault; a lost GPU is remembered, a defect leaves its trace."""
        fault = fault_of(error)
        if fault.is_defect:
            logger.error('A defect of the GPU engine.', exc_info=error)
        if fault.kind == 'spoilt':
            return GpuError(spoil(str(fault)), 'spoilt')
        return fault

    def _tell(self, **changes: Any) -> None:
        with self._changed:
            self._standing = replace(self._standing, **changes)


def _path(backend: GpuBackend) -> str:
    kind = type(backend)
    return f'{kind.__module__}:{kind.__qualname__}'
