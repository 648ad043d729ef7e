# SPDX-License-Identifier: Apache-2.0
"""How far a run is: one bar over all epochs, and a stop when the time is up."""

from __future__ import annotations

import time
from typing import Any, TYPE_CHECKING

from lightning.pytorch.callbacks import Callback

from seg_node.progress import Bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    import lightning

    from seg_node.training.task import SegmentationTask

TEXT_INTERVAL_S = 0.5
SHARE_TO_FINISH = 0.25  # of a limited command; measuring and exporting take a minute or two


class RunBar(Callback):
    """One bar over the images of the whole run: epoch, step, loss, s/image and what is left."""

    def __init__(self, sizes: Sequence[int], *, batch: int) -> None:
        """Count images.

        Args:
            sizes: Images that are trained on in each epoch of the whole run.
            batch: Images per step over all processes.
        """
        self._sizes = tuple(sizes)
        self._batch = batch
        self._bar: Bar | None = None
        self._started = self._shown = self._before = 0.0

    def say(self, line: str) -> None:
        """Write a line for people above the bar."""
        if self._bar:
            self._bar.say(line)

    def on_train_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Begin where an earlier start ended."""
        del pl_module
        if trainer.is_global_zero:
            self._before = sum(self._sizes[: trainer.current_epoch])
            self._started = time.monotonic()
            total = sum(self._sizes)
            self._bar = Bar(what='training', total=total, done=int(self._before), unit='image')

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: SegmentationTask,  # type: ignore[override]
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Move on."""
        del outputs, batch
        if self._bar is None:
            return
        now, epoch = time.monotonic(), trainer.current_epoch
        if now - self._shown > TEXT_INTERVAL_S:
            self._shown = now
            done = sum(self._sizes[:epoch]) + (batch_idx + 1) * self._batch
            pace = (now - self._started) / (done - self._before)
            self._bar.note(
                f'epoch {epoch + 1}/{len(self._sizes)}, '
                f'step {batch_idx + 1}/{self._sizes[epoch] // self._batch}, '
                f'loss {pl_module.latest_loss:.3f}, {pace:.3f} s/image'
            )
        self._bar.move(self._batch)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Leave the last state on the screen."""
        del trainer, pl_module
        if self._bar:
            self._bar.close()

    def on_exception(self, trainer: lightning.Trainer, pl_module: Any, exception: Any) -> None:
        """Leave room for the message."""
        del exception
        self.on_train_end(trainer, pl_module)


class TimeLimit(Callback):
    """Ends a command after the last epoch that fits into its time."""

    def __init__(self, seconds: float, *, started: float) -> None:
        """Watch the clock.

        Args:
            seconds: Length of the command [s].
            started: When the command started, by ``time.monotonic`` [s].
        """
        self._seconds = seconds
        self._end = started + seconds
        self._last = time.monotonic()
        self._longest = 0.0
        self.is_up = False

    @property
    def leaves_time_to_finish(self) -> bool:
        """Whether a bundle may still be made; always in a command that trained nothing."""
        left = self._end - time.monotonic()
        return not self._longest or left > SHARE_TO_FINISH * self._seconds

    def on_train_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Start to time epochs."""
        del trainer, pl_module
        self._last = time.monotonic()

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Stop where an epoch as long as the longest would end too late."""
        del pl_module
        now = time.monotonic()
        self._longest = max(self._longest, now - self._last)
        self._last = now
        self.is_up = bool(trainer.strategy.broadcast(now + self._longest > self._end))
        trainer.should_stop = trainer.should_stop or self.is_up
