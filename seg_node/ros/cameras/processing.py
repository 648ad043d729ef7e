# SPDX-License-Identifier: Apache-2.0
"""A frame: from message to published masks. Runs in the worker's thread."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
import time
import traceback
from typing import Any, TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticStatus

from seg_node.errors import ImageError, SegNodeError
from seg_node.imaging import decode_compressed, rgb_pixels
from seg_node.interface import status_values
from seg_node.interface.topics import STATUS
from seg_node.ros.outputs.messages import diagnostics
from seg_node.ros.throttle import Throttle

from .failure import answer_failure
from .model_runner import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    from rclpy.node import Node

    from seg_node.pipeline import Segmentation
    from seg_node.ros.outputs.publishers import Publishers, Wanted
    from seg_node.ros.parameters.table import Parameters
    from seg_node.ros.vitals.health import Reason
    from seg_node.ros.vitals.watchdog import Watch

    from .camera import Camera
    from .model_runner import ModelRunner
    from .worker import Frame

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['Processor', 'decode']

NANO = 1_000_000_000
LOG_PAUSE_S = 5.0
"""The same trouble of the same camera is logged once in so long."""


@dataclass(frozen=True, slots=True)
class _Task:
    """A frame that is decoded and has to be segmented.

    Attributes:
        frame: As it came.
        camera: Whose it is.
        publishers: Where its masks go.
        parameters: As they were when its turn came.
        wanted: What somebody subscribed to then.
        image: (H, W, 3) uint8 RGB.
        times: Of the stages so far [s].
    """

    frame: Frame
    camera: Camera
    publishers: Publishers
    parameters: Parameters
    wanted: Wanted
    image: UInt8Array
    times: Mapping[str, float]

    @property
    def job(self) -> Job:
        """What the runner has to do."""
        return Job(
            self.image,
            self.wanted.outputs,
            camera=self.camera.name,
            arrived=self.frame.arrived,
            reserve=self.camera.publishing,
            stamp=self.frame.stamp,
        )


@dataclass(slots=True)
class Processor:
    """Turns the frames of all cameras into messages.

    Attributes:
        node: For clock and log.
        runner: Runs the model.
        cameras: By name.
        parameters: Returns the present values; asked once per frame.
        watch: Is told at what the worker is.
    """

    node: Node
    runner: ModelRunner
    cameras: Mapping[str, Camera]
    parameters: Callable[[], Parameters]
    watch: Watch
    _is_due: Throttle = field(default_factory=lambda: Throttle(LOG_PAUSE_S), init=False)

    def __call__(self, frames: Sequence[Frame]) -> None:
        """Process frames that go together; every failure is counted and logged, none is raised."""
        self.watch.begin(*(frame.camera for frame in frames))
        try:
            tasks: list[_Task] = []
            for frame in frames:
                camera = self.cameras[frame.camera]
                with self._reporting(frame):
                    tasks += self._prepared(camera, frame)
            is_one_run = self.runner.takes_together(len(tasks))
            if not is_one_run or not self._segmented_together(tasks):
                for task in tasks:
                    with self._reporting(task.frame):
                        self._segment([task])
        finally:
            self.watch.end()

    @contextmanager
    def _reporting(self, *frames: Frame) -> Iterator[None]:
        """Count, log and answer a failure as that of each of these frames."""
        try:
            yield
        except ImageError as err:
            self._failed(frames, 'bad_image', str(err))
        except SegNodeError as err:
            self._failed(frames, 'engine_error', str(err))
        except Exception:  # noqa: BLE001  # a defect must not end the worker in silence
            if self.node.context.ok():  # else the process is being shut down under us
                self._failed(frames, 'internal_error', traceback.format_exc())

    def _failed(self, frames: Sequence[Frame], reason: Reason, text: str) -> None:
        for frame in frames:
            camera = self.cameras[frame.camera]
            camera.health.error(f'{reason}: {text}')
            camera.health.dropped(reason)
            self._log_error(camera, reason, f'was dropped ({reason}): {text}')
            if camera.outputs is not None and self.parameters().drivable_empty_on_failure:
                self._answer(camera.outputs, frame, f'{reason}: {text}')

    def _log_error(self, camera: Camera, subject: str, text: str) -> None:
        """Log what happened to a frame, unless the same was logged just now."""
        if self._is_due(camera.name, subject):
            self.node.get_logger().error(f'A frame {camera.words}{text}')

    def _answer(self, publishers: Publishers, frame: Frame, why: str) -> None:
        """Say that a frame failed to those who wait for it."""
        with self._sending('answer', frame):
            answer_failure(publishers, frame.message, self._status_name(frame.camera), why)

    @contextmanager
    def _sending(self, what: str, frame: Frame) -> Iterator[None]:
        """Log that what is said about a frame was not sent; that changes nothing of the frame."""
        try:
            yield
        except Exception:  # noqa: BLE001  # it must not end the worker either
            if self.node.context.ok():  # else the process is being shut down under us
                text = f'has no {what}, because it could not be sent: {traceback.format_exc()}'
                self._log_error(self.cameras[frame.camera], what, text)

    def _status_name(self, camera: str) -> str:
        words = f'{camera} frame' if camera else 'frame'
        return f'{self.node.get_name()}: {words}'

    def _prepared(self, camera: Camera, frame: Frame) -> list[_Task]:
        """Return what is to be done for a frame: one task, or none."""
        publishers = camera.outputs
        if publishers is None:
            return []  # the node is being cleaned up
        started = time.monotonic()
        parameters = self.parameters()
        header = frame.message.header
        wanted = publishers.wanted()
        if not wanted:
            camera.health.dropped('unwatched')
            return []
        if self._is_late(camera, started - frame.arrived):
            return []
        if self._is_stale(camera, header, parameters.max_age):
            return []
        self.watch.enter('decode')
        image = decode(frame.message)
        decoded = time.monotonic()
        info, options = camera.calibration(frame.arrived), parameters.images
        if info is not None and wanted.calibration:
            publishers.publish_calibration(wanted, info, image.shape[:2], header, options)
        if not wanted.segmentation:
            camera.health.dropped('unwatched')
            return []
        times = {'wait': started - frame.arrived, 'decode': decoded - started}
        return [_Task(frame, camera, publishers, parameters, wanted, image, times)]

    def _segmented_together(self, tasks: Sequence[_Task]) -> bool:
        """Do several tasks in one run; return False if an image is not fit for it."""
        with self._reporting(*(task.frame for task in tasks)):
            try:
                self._segment(tasks)
            except ImageError:  # of one of them: by itself, each gets the answer that it deserves
                return False
        return True

    def _segment(self, tasks: Sequence[_Task]) -> None:
        """Segment the images of these tasks in one run, and publish what comes of each."""
        self.watch.enter('segment')
        results = self.runner.run([task.job for task in tasks], tasks[0].parameters)
        for task, result in zip(tasks, results, strict=True):
            with self._reporting(task.frame):
                self._publish(task, result)

    def _publish(self, task: _Task, result: Segmentation) -> None:
        self.watch.enter('publish')
        camera, publishers, wanted = task.camera, task.publishers, task.wanted
        header = task.frame.message.header
        begun = time.monotonic()
        publishers.publish(wanted, result, task.image, header, task.parameters.images)
        published = time.monotonic()
        camera.publishing = published - begun
        times = {
            **task.times,
            **result.times,
            'publish': camera.publishing,
            'arrival_to_publish': published - task.frame.arrived,
        }
        age = self._age(header)
        camera.health.processed(
            times, result.crf, result.crf_error, age if _is_stamped(header) else None
        )
        if result.crf_error:
            text = 'was published with the labels of the network, because the CRF failed: '
            self._log_error(camera, 'crf', text + result.crf_error)
        if STATUS in wanted.topics:
            with self._sending('status', task.frame):
                self._publish_status(task, result, age, times)

    def _is_late(self, camera: Camera, waited: float) -> bool:
        """Say whether a frame has waited for too long, and count it."""
        deadline = camera.settings.deadline
        if not deadline or waited <= deadline:
            return False
        camera.health.dropped('late')
        return True

    def _is_stale(self, camera: Camera, header: Any, max_age: float) -> bool:
        """Say whether a frame is too old, and count it."""
        if not max_age or (age := self._age(header)) <= max_age:
            return False
        camera.health.dropped('stale')
        if self._is_due(camera.name, 'stale'):
            self.node.get_logger().warning(
                f'A frame {camera.words}was dropped: its stamp is {age:.3f} s old, parameter '
                f'max_age allows {max_age:g} s. Are the clocks of camera and node the same '
                '(use_sim_time)?'
            )
        return True

    def _age(self, header: Any) -> float:
        """Return the time since the image's stamp on the node's clock [s]; 0 without a stamp."""
        if not _is_stamped(header):
            return 0.0
        # Not rclpy's Time, which refuses a stamp before 1970.
        stamp_ns = header.stamp.sec * NANO + header.stamp.nanosec
        return float((self.node.get_clock().now().nanoseconds - stamp_ns) * 1e-9)

    def _publish_status(
        self, task: _Task, result: Segmentation, age: float, times: Mapping[str, float]
    ) -> None:
        values = status_values(self.runner.described(), result, age, times)
        level = DiagnosticStatus.WARN if result.crf_error else DiagnosticStatus.OK
        task.publishers.publish_status(
            diagnostics(
                task.frame.message.header,
                self._status_name(task.frame.camera),
                level,
                f'crf {result.crf}',
                values,
            )
        )


def _is_stamped(header: Any) -> bool:
    """Say whether a header has a time at all."""
    return bool(header.stamp.sec or header.stamp.nanosec)


def decode(message: Any) -> UInt8Array:
    """Return the pixels of an Image or CompressedImage message: (H, W, 3) uint8 RGB.

    Raises:
        ImageError: If the message is malformed.
    """
    return decode_compressed(message) if hasattr(message, 'format') else rgb_pixels(message)
