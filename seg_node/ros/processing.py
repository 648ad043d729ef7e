# SPDX-License-Identifier: Apache-2.0
"""One frame: from message to published masks. Runs in the worker's thread."""

from __future__ import annotations

from dataclasses import dataclass
import time
import traceback
from typing import Any, TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticStatus

from seg_node.errors import ImageError, SegNodeError
from seg_node.imaging import decode_compressed, rgb_pixels
from seg_node.interface import status_values
from seg_node.interface.topics import CAMERA_INFO, STATUS
from seg_node.ros.outputs.messages import diagnostics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    import numpy.typing as npt
    from rclpy.node import Node
    from sensor_msgs.msg import CameraInfo

    from seg_node.pipeline import Segmentation
    from seg_node.ros.outputs.publishers import Publishers
    from seg_node.ros.parameters.table import Parameters
    from seg_node.ros.vitals.health import Health, Reason

    from .model_runner import ModelRunner
    from .worker import Frame

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['Processor', 'decode']

NANO = 1_000_000_000


@dataclass(slots=True)
class Processor:
    """Turns a frame into messages.

    Attributes:
        node: For clock and log.
        runner: Runs the model.
        publishers: Where results go.
        health: What is counted.
        parameters: Returns the present values; asked once per frame.
        camera_info: Returns the newest camera info, or None.
        publishing: What it took to publish the outputs of the last frame [s].
    """

    node: Node
    runner: ModelRunner
    publishers: Publishers
    health: Health
    parameters: Callable[[], Parameters]
    camera_info: Callable[[], CameraInfo | None]
    publishing: float = 0.0

    def __call__(self, frame: Frame) -> None:
        """Process a frame; every failure is counted and logged, none is raised."""
        try:
            self._process(frame)
        except ImageError as err:
            self._failed('bad_image', str(err))
        except SegNodeError as err:
            self._failed('engine_error', str(err))
        except Exception:  # noqa: BLE001  # a defect must not end the worker in silence
            if self.node.context.ok():  # else the process is being shut down under us
                self._failed('internal_error', traceback.format_exc())

    def _failed(self, reason: Reason, text: str) -> None:
        self.health.error(f'{reason}: {text}')
        self.health.dropped(reason)
        self.node.get_logger().error(
            f'A frame was dropped ({reason}): {text}', throttle_duration_sec=5.0
        )

    def _process(self, frame: Frame) -> None:
        started = time.monotonic()
        parameters = self.parameters()
        header = frame.message.header
        wanted = self.publishers.wanted()
        if not wanted:
            self.health.dropped('unwatched')
            return
        if self._is_stale(header, parameters.max_age):
            return
        image = decode(frame.message)
        decoded = time.monotonic()
        if CAMERA_INFO in wanted.topics:
            self._relay_camera_info(image, header)
        if not wanted.segmentation:
            self.health.dropped('unwatched')
            return
        result = self.runner.run(
            image,
            wanted.outputs,
            parameters,
            arrived=frame.arrived,
            reserve=self.publishing,
            stamp=_seconds(header.stamp) or frame.arrived,
        )
        computed = time.monotonic()
        self.publishers.publish(wanted, result, image, header, parameters.overlay_alpha)
        published = time.monotonic()
        self.publishing = published - computed
        times = {
            'wait': started - frame.arrived,
            'decode': decoded - started,
            **result.times,
            'publish': self.publishing,
            'arrival_to_publish': published - frame.arrived,
        }
        self.health.processed(times, result.crf, result.crf_error)
        if result.crf_error:
            self.node.get_logger().error(
                'The CRF failed on a frame, which was published with the labels of the network: '
                f'{result.crf_error}',
                throttle_duration_sec=5.0,
            )
        if STATUS in wanted.topics:
            self._publish_status(header, result, times)

    def _is_stale(self, header: Any, max_age: float) -> bool:
        """Say whether a frame is too old, and count it."""
        if not max_age or (age := self._age(header)) <= max_age:
            return False
        self.health.dropped('stale')
        self.node.get_logger().warning(
            f'A frame was dropped: its stamp is {age:.3f} s old, parameter max_age allows '
            f'{max_age:g} s. Are the clocks of camera and node the same (use_sim_time)?',
            throttle_duration_sec=5.0,
        )
        return True

    def _age(self, header: Any) -> float:
        """Return the time since the image's stamp on the node's clock [s]; 0 without a stamp."""
        # Not rclpy's Time, which refuses a stamp before 1970.
        stamp_ns = header.stamp.sec * NANO + header.stamp.nanosec
        return (self.node.get_clock().now().nanoseconds - stamp_ns) * 1e-9 if stamp_ns else 0.0

    def _relay_camera_info(self, image: UInt8Array, header: Any) -> None:
        """Send the camera's calibration, unless it is for images of another size."""
        info = self.camera_info()
        if info is not None and (info.height, info.width) == image.shape[:2]:
            self.publishers.publish_camera_info(info, header)

    def _publish_status(
        self, header: Any, result: Segmentation, times: Mapping[str, float]
    ) -> None:
        values = status_values(self.runner.described(), result, self._age(header), times)
        name = f'{self.node.get_name()}: frame'
        level = DiagnosticStatus.WARN if result.crf_error else DiagnosticStatus.OK
        self.publishers.publish_status(
            diagnostics(header, name, level, f'crf {result.crf}', values)
        )


def _seconds(stamp: Any) -> float:
    """Return a stamp as a number [s]; to a microsecond, which is enough to tell what follows."""
    return float(stamp.sec + 1e-9 * stamp.nanosec)


def decode(message: Any) -> UInt8Array:
    """Return the pixels of an Image or CompressedImage message: (H, W, 3) uint8 RGB.

    Raises:
        ImageError: If the message is malformed.
    """
    return decode_compressed(message) if hasattr(message, 'format') else rgb_pixels(message)
