# SPDX-License-Identifier: Apache-2.0
"""A frame: from message to published masks. Runs in the worker's thread."""

from __future__ import annotations

from dataclasses import dataclass
import time
import traceback
from typing import Any, TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticStatus

from seg_node.errors import ImageError, SegNodeError
from seg_node.imaging import decode_compressed, rgb_pixels
from seg_node.interface import status_values
from seg_node.interface.topics import STATUS
from seg_node.ros.outputs.messages import diagnostics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    import numpy.typing as npt
    from rclpy.node import Node

    from seg_node.pipeline import Segmentation
    from seg_node.ros.outputs.publishers import Publishers
    from seg_node.ros.parameters.table import Parameters
    from seg_node.ros.vitals.health import Reason
    from seg_node.ros.vitals.watchdog import Watch

    from .camera import Camera
    from .model_runner import ModelRunner
    from .worker import Frame

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['Processor', 'decode']

NANO = 1_000_000_000


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

    def __call__(self, frame: Frame) -> None:
        """Process a frame; every failure is counted and logged, none is raised."""
        camera = self.cameras[frame.camera]
        self.watch.begin(camera.name)
        try:
            self._process(camera, frame)
        except ImageError as err:
            self._failed(camera, 'bad_image', str(err))
        except SegNodeError as err:
            self._failed(camera, 'engine_error', str(err))
        except Exception:  # noqa: BLE001  # a defect must not end the worker in silence
            if self.node.context.ok():  # else the process is being shut down under us
                self._failed(camera, 'internal_error', traceback.format_exc())
        finally:
            self.watch.end()

    def _failed(self, camera: Camera, reason: Reason, text: str) -> None:
        camera.health.error(f'{reason}: {text}')
        camera.health.dropped(reason)
        self.node.get_logger().error(
            f'A frame {camera.words}was dropped ({reason}): {text}', throttle_duration_sec=5.0
        )

    def _process(self, camera: Camera, frame: Frame) -> None:
        publishers = camera.outputs
        if publishers is None:
            return  # the node is being cleaned up
        started = time.monotonic()
        parameters = self.parameters()
        header = frame.message.header
        wanted = publishers.wanted()
        if not wanted:
            camera.health.dropped('unwatched')
            return
        if self._is_late(camera, started - frame.arrived):
            return
        if self._is_stale(camera, header, parameters.max_age):
            return
        self.watch.enter('decode')
        image = decode(frame.message)
        decoded = time.monotonic()
        options, info = parameters.images, camera.newest_info
        if info is not None and wanted.calibration:
            publishers.publish_calibration(wanted, info, image.shape[:2], header, options)
        if not wanted.segmentation:
            camera.health.dropped('unwatched')
            return
        self.watch.enter('segment')
        result = self.runner.run(
            image,
            wanted.outputs,
            parameters,
            camera=camera.name,
            arrived=frame.arrived,
            reserve=camera.publishing,
            stamp=_seconds(header.stamp) or frame.arrived,
        )
        computed = time.monotonic()
        self.watch.enter('publish')
        publishers.publish(wanted, result, image, header, options)
        published = time.monotonic()
        camera.publishing = published - computed
        times = {
            'wait': started - frame.arrived,
            'decode': decoded - started,
            **result.times,
            'publish': camera.publishing,
            'arrival_to_publish': published - frame.arrived,
        }
        age = self._age(header)
        camera.health.processed(
            times, result.crf, result.crf_error, age if _is_stamped(header) else None
        )
        if result.crf_error:
            self.node.get_logger().error(
                f'The CRF failed on a frame {camera.words}which was published with the labels of '
                f'the network: {result.crf_error}',
                throttle_duration_sec=5.0,
            )
        if STATUS in wanted.topics:
            self._publish_status(publishers, header, result, age, times)

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
        self.node.get_logger().warning(
            f'A frame {camera.words}was dropped: its stamp is {age:.3f} s old, parameter max_age '
            f'allows {max_age:g} s. Are the clocks of camera and node the same (use_sim_time)?',
            throttle_duration_sec=5.0,
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
        self,
        publishers: Publishers,
        header: Any,
        result: Segmentation,
        age: float,
        times: Mapping[str, float],
    ) -> None:
        values = status_values(self.runner.described(), result, age, times)
        name = f'{self.node.get_name()}: frame'
        level = DiagnosticStatus.WARN if result.crf_error else DiagnosticStatus.OK
        publishers.publish_status(diagnostics(header, name, level, f'crf {result.crf}', values))


def _is_stamped(header: Any) -> bool:
    return bool(header.stamp.sec or header.stamp.nanosec)


def _seconds(stamp: Any) -> float:
    """Return a stamp as a number [s]; to a microsecond, which is enough to tell what follows."""
    return float(stamp.sec + 1e-9 * stamp.nanosec)


def decode(message: Any) -> UInt8Array:
    """Return the pixels of an Image or CompressedImage message: (H, W, 3) uint8 RGB.

    Raises:
        ImageError: If the message is malformed.
    """
    return decode_compressed(message) if hasattr(message, 'format') else rgb_pixels(message)
