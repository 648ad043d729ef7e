# SPDX-License-Identifier: Apache-2.0
"""Plays a folder of images as a camera topic.

``python -m seg_node.ros.drives.player --frames FOLDER --rate 8 --ros-args -r image:=/front/image``
publishes each ``*.npy`` file of the folder, (H, W, 3) uint8 RGB, once, in the order of the names.
``image`` and ``camera_info`` go out best effort, as cameras do. A frame that is late is sent at
once, never skipped: what is missing at the other end was lost on the way, not here.

Events for a parent process (``parent.py``): ``ready`` (somebody listens), ``sent`` with ``name``
and ``stamp_ns``, ``done``. With ``--wait`` it first obeys words, one a line: ``once`` publishes
the first image by itself (``rehearsed`` with ``stamp_ns``), ``play 8`` begins, at 8 Hz. It goes
away when the parent does.
"""

from __future__ import annotations

import argparse
from pathlib import Path
import sys
import time
from typing import Protocol, TYPE_CHECKING

import numpy as np
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from seg_node.ros.outputs.messages import ImageSender

from .child import run_child
from .parent import tell

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['CAMERA_QOS', 'LINGER_S', 'Camera', 'Player', 'main', 'play', 'wait_for_listener']

# A camera driver's usual queue: deep enough that the sender never throws a frame away itself.
CAMERA_QOS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=5, reliability=ReliabilityPolicy.BEST_EFFORT
)
# A best-effort sample still in flight when the process ends would be lost [s].
LINGER_S = 0.5


class Camera(Protocol):
    """What is played to somebody."""

    def listeners(self) -> int:
        """Return how many subscribers of the image topic are matched."""

    def resolve_topic_name(self, topic: str) -> str:
        """Return the absolute name of a topic."""


class Player(Node):
    """A camera whose pictures are given."""

    def __init__(self, frame_id: str = 'camera') -> None:
        """Advertise ``image`` and ``camera_info``.

        Args:
            frame_id: Coordinate frame written into each header.
        """
        super().__init__('player')
        self._frame_id = frame_id
        self._sender = ImageSender('rgb8')
        self._images = self.create_publisher(Image, 'image', CAMERA_QOS)
        self._infos = self.create_publisher(CameraInfo, 'camera_info', CAMERA_QOS)

    def listeners(self) -> int:
        """Return how many subscribers of the image topic are matched."""
        return int(self._images.get_subscription_count())

    def publish(self, image: UInt8Array) -> int:
        """Publish one picture with the present time as its stamp.

        Args:
            image: (H, W, 3) uint8 RGB.

        Returns:
            The stamp [ns], the same in the image and in its camera info.
        """
        now = self.get_clock().now()
        header = Header(stamp=now.to_msg(), frame_id=self._frame_id)
        height, width = image.shape[:2]
        # All other fields stay 0, which says "not calibrated".
        self._infos.publish(CameraInfo(header=header, height=height, width=width))
        self._sender.send(self._images, image, header)
        return int(now.nanoseconds)


def wait_for_listener(player: Camera, timeout: float) -> None:
    """Return when somebody has subscribed to the image topic.

    Raises:
        SystemExit: If nobody did within ``timeout`` [s].
    """
    deadline = time.monotonic() + timeout
    while not player.listeners():
        if time.monotonic() > deadline:
            topic = player.resolve_topic_name('image')
            sys.exit(
                f'player: nobody subscribed to {topic!r} within {timeout:g} s. '
                'Is the node active, and in the same ROS_DOMAIN_ID?'
            )
        time.sleep(0.02)


def obey(player: Player, first: Path) -> float | None:
    """Do what the parent says until it says ``play``; return the rate [Hz], None if it is gone."""
    image = np.load(first)
    for line in sys.stdin:
        word, _, rate = line.strip().partition(' ')
        if word == 'play':
            return float(rate)
        tell('rehearsed', stamp_ns=player.publish(image))
    return None


def play(player: Player, files: Sequence[Path], rate: float) -> None:
    """Publish the pictures in the files at ``rate`` [Hz] and tell the parent each stamp."""
    start = time.monotonic()
    for index, file in enumerate(files):
        image = np.load(file)
        time.sleep(max(0.0, start + index / rate - time.monotonic()))
        tell('sent', name=file.stem, stamp_ns=player.publish(image))


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Parse the command line, less the part that belongs to ROS."""
    parser = argparse.ArgumentParser(prog='player', description='Play images as a camera topic.')
    parser.add_argument('--frames', type=Path, required=True, help='folder of *.npy RGB images')
    parser.add_argument('--rate', type=float, default=8.0, help='images per second [Hz]')
    parser.add_argument('--frame-id', default='camera', help='coordinate frame of the headers')
    parser.add_argument('--wait', action='store_true', help='obey words on stdin')
    parser.add_argument('--timeout', type=float, default=30.0, help='wait for a listener [s]')
    return parser.parse_args(remove_ros_args(['player', *argv])[1:])


def main(argv: Sequence[str] | None = None) -> int:
    """Play the folder once and return the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    args = arguments(argv)
    files = sorted(args.frames.glob('*.npy'))
    if not files:
        sys.exit(f'player: there are no *.npy images in {str(args.frames)!r}.')
    return run_child(lambda: play_to_listener(args, files), argv)


def play_to_listener(args: argparse.Namespace, files: list[Path]) -> int:
    """Play once somebody listens, and return the exit status."""
    player = Player(args.frame_id)
    wait_for_listener(player, args.timeout)
    tell('ready')
    rate = obey(player, files[0]) if args.wait else args.rate
    if rate is None:
        return 1
    play(player, files, rate)
    tell('done')
    time.sleep(LINGER_S)
    return 0


if __name__ == '__main__':
    sys.exit(main())
