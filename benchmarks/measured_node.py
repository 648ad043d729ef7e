# SPDX-License-Identifier: Apache-2.0
"""A node in a process of its own that knows where its processor time goes, for ``bench_node``.

``python benchmarks/measured_node.py KIND --bundle FOLDER --ros-args -r __ns:=/ours`` runs

* ``ours``, the node as it ships, its parameters behind ``--ros-args``,
* ``tutorial``, that of ``measuring/rivals`` with the same weights in torch, on one thread; DDS and
  malloc are as they come, or with ``--tuned`` set as ours are,
* ``publisher``, which answers each image with ``--images`` images of ``--size`` and does nothing
  else: what rclpy and DDS take by themselves.

A line on stdin is answered by the event ``spent``: processor time so far of the network, of the
post-processing, and of turning probabilities into bytes where that is a step of its own (``fill``)
[s], which are those of the thread that runs them. With one thread for each that is all of it. The
line ``labels FILE`` also writes the label map of the last frame there, ``.npy`` of (H, W) uint8.
"""

from __future__ import annotations

import argparse
from array import array
from collections import Counter
from functools import wraps
import sys
from threading import Thread
import time
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.utilities import remove_ros_args
from sensor_msgs.msg import Image

from seg_node.bundle import open_bundle
from seg_node.ros.drives.parent import tell
from seg_node.ros.transport import keep_large_blocks, use_shared_memory_profile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SPENT: Counter[str] = Counter()
LAST: dict[str, Any] = {}


def measured(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, whose processor time is added up."""

    @wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        before = time.thread_time()
        try:
            return function(*arguments, **options)
        finally:
            SPENT[what] += time.thread_time() - before  # type: ignore[assignment]

    return call


def labelled(function: Callable[..., Any], labels_of: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return the function; the labels in what it returned last are kept."""

    @wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        found = function(*arguments, **options)
        LAST['labels'] = labels_of(found)
        return found

    return call


def ours(_: argparse.Namespace) -> Node:
    """Return our node."""
    from seg_node.engines import base  # noqa: PLC0415 - each kind imports what it is made of
    from seg_node.engines.onnx_engine import OnnxEngine  # noqa: PLC0415
    from seg_node.imaging import finish  # noqa: PLC0415
    from seg_node.ros.node import SegNode  # noqa: PLC0415

    network = measured('network', OnnxEngine._infer)  # noqa: SLF001 - what calls the library
    OnnxEngine._infer = network  # type: ignore[method-assign]  # noqa: SLF001
    post = labelled(measured('post', finish), lambda maps: maps.labels)
    setattr(base, 'finish', post)  # noqa: B010 - not exported by that module
    return SegNode()


def tutorial(args: argparse.Namespace) -> Node:
    """Return the tutorial's node."""
    import torch  # noqa: PLC0415

    from measuring.larger_network import filled_network  # noqa: PLC0415
    from measuring.rivals.tutorial_node import TutorialNode  # noqa: PLC0415

    torch.set_num_threads(1)
    bundle = open_bundle(args.bundle)
    node = TutorialNode(filled_network(bundle), bundle.manifest)
    node.network = measured('network', node.network)
    post = labelled(measured('post', node.post_process), lambda maps: maps[0])
    node.post_process = post  # type: ignore[method-assign]
    node.in_bytes = measured('fill', node.in_bytes)  # type: ignore[method-assign]
    return node


class PlainPublisher(Node):
    """Publishes images, as fast as rclpy can."""

    def __init__(self, args: argparse.Namespace) -> None:
        """Create the topics ``plain_0``, ``plain_1``, ... for so many images of a size."""
        super().__init__('publisher')
        pixels = np.random.default_rng(0).integers(0, 256, (args.images, *args.size), np.uint8)
        height, width = args.size
        out = Image(height=height, width=width, encoding='mono8', step=width)
        out.data = array('B', bytes(height * width))  # what rclpy takes without a copy of its own
        names = [f'plain_{index}' for index in range(args.images)]
        outputs = [self.create_publisher(Image, name, 1) for name in names]

        def answer(message: Any) -> None:
            out.header = message.header
            for publisher, image in zip(outputs, pixels, strict=True):
                np.frombuffer(out.data, np.uint8)[:] = image.reshape(-1)
                publisher.publish(out)

        self.create_subscription(Image, 'image', answer, 1)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the node until the parent is gone, and return the exit status."""
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(description='A node that knows where its time goes.')
    parser.add_argument('kind', choices=('ours', 'tutorial', 'publisher'))
    parser.add_argument('--bundle', default='default')
    parser.add_argument('--tuned', action='store_true', help='set transport and malloc as we do')
    parser.add_argument('--images', type=int, default=21, help='of publisher')
    parser.add_argument('--size', type=int, nargs=2, default=(720, 1280), help='height width')
    args = parser.parse_args(remove_ros_args(['measured_node', *argv])[1:])
    if args.kind != 'tutorial' or args.tuned:
        use_shared_memory_profile()
        keep_large_blocks()
    cv2.setNumThreads(1)
    rclpy.init(args=list(argv))
    kinds: dict[str, Callable[[argparse.Namespace], Node]]
    kinds = {'ours': ours, 'tutorial': tutorial, 'publisher': PlainPublisher}
    node = kinds[args.kind](args)
    Thread(target=answer_parent, daemon=True).start()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        if args.kind == 'ours':
            node.stop(1.0)  # type: ignore[attr-defined]
        rclpy.try_shutdown()
    return 0


def answer_parent() -> None:
    """Say what was spent whenever asked; end the process with the parent."""
    for line in sys.stdin:
        _, *file = line.split()
        if file:
            np.save(file[0], LAST['labels'])
        tell('spent', **{f'{name}_s': SPENT[name] for name in ('network', 'post', 'fill')})
    rclpy.try_shutdown()


if __name__ == '__main__':
    sys.exit(main())
