# SPDX-License-Identifier: Apache-2.0
"""Start an installed node, give it images until it answers with a mask, and stop it.

check_node.py COMMAND...
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import rclpy
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data, QoSProfile
from sensor_msgs.msg import Image

HEIGHT, WIDTH = 120, 160
UNTIL_MASK_S = 60.0
UNTIL_STOPPED_S = 20.0


def image(number: int) -> Image:
    """Return a grey rgb8 image whose stamp carries its number."""
    message = Image(height=HEIGHT, width=WIDTH, encoding='rgb8', step=3 * WIDTH)
    message.header.frame_id = 'camera'
    message.header.stamp.sec = number
    message.data = bytes([128]) * (3 * WIDTH * HEIGHT)
    return message


def first_mask(node: Node, process: subprocess.Popen[bytes]) -> Image | None:
    """Publish ten images per second until a mask arrives or the process is gone."""
    masks: list[Image] = []
    node.create_subscription(Image, 'segmentation/mask', masks.append, QoSProfile(depth=1))
    publisher = node.create_publisher(Image, 'image', qos_profile_sensor_data)
    deadline = time.monotonic() + UNTIL_MASK_S
    number = 0
    while not masks and process.poll() is None and time.monotonic() < deadline:
        number += 1
        publisher.publish(image(number))
        rclpy.spin_once(node, timeout_sec=0.1)
    return masks[0] if masks else None


def main() -> int:
    """Return 0 if the node works and stops when asked to."""
    os.environ['ROS_DOMAIN_ID'] = str(os.getpid() % 100 + 1)
    process = subprocess.Popen(sys.argv[1:])
    rclpy.init()
    try:
        mask = first_mask(Node('check_node'), process)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            status = process.wait(UNTIL_STOPPED_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        rclpy.shutdown()
    if mask is None:
        sys.stderr.write(f'No mask within {UNTIL_MASK_S:g} s; the node ended with {status}.\n')
        return 1
    got = (mask.height, mask.width, mask.encoding, mask.header.frame_id)
    expected = (HEIGHT, WIDTH, 'mono8', 'camera')
    sys.stdout.write(f'mask {got}, node ended with {status}\n')
    return int(got != expected or status != 0)


if __name__ == '__main__':
    sys.exit(main())
