# SPDX-License-Identifier: Apache-2.0
"""The executable with a GPU that is still being built: how soon it answers, and how it ends."""

from __future__ import annotations

from contextlib import contextmanager
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
from typing import Any, TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Say = Callable[..., None]

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

ROOT = Path(__file__).parents[2]
DOMAIN = 1 + (os.getpid() + 50) % 100
TIMEOUT_S = 30.0
FIRST_MASK_S = 3.0
# The node with a made-up GPU, where nobody can import torch.
NODE = """
import sys
sys.modules['torch'] = None
from seg_node.engines import serving
serving.GPU_BACKENDS['tensorrt'] = 'fake_gpu:FakeGpu'
from seg_node.ros.main import main
raise SystemExit(main())
"""


class Listener:
    """A camera that sends until the first mask comes, and hears the node's status."""

    def __init__(self) -> None:
        """Join the node's domain."""
        from diagnostic_msgs.msg import DiagnosticArray  # noqa: PLC0415
        import rclpy  # noqa: PLC0415
        from rclpy.context import Context  # noqa: PLC0415
        from rclpy.executors import SingleThreadedExecutor  # noqa: PLC0415
        from sensor_msgs.msg import Image  # noqa: PLC0415

        self._context = Context()
        rclpy.init(context=self._context, domain_id=DOMAIN)
        self._node = rclpy.create_node('listener', context=self._context)
        self._image = Image(height=360, width=640, step=640, encoding='mono8')
        self._image.data.frombytes(bytes(360 * 640))
        self._camera = self._node.create_publisher(Image, 'image', 1)
        self.masks: list[Any] = []
        self.status: list[dict[str, str]] = []
        self._node.create_subscription(Image, 'segmentation/mask', self.masks.append, 5)
        self._node.create_subscription(DiagnosticArray, 'segmentation/status', self._hear, 5)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)

    def _hear(self, message: Any) -> None:
        self.status.append({pair.key: pair.value for pair in message.status[0].values})

    def until(self, condition: Callable[[], object]) -> None:
        """Send images until the condition holds."""
        deadline = time.monotonic() + TIMEOUT_S
        while not condition():
            assert time.monotonic() < deadline
            self._camera.publish(self._image)
            tick = time.monotonic() + 0.03
            while time.monotonic() < tick:
                self._executor.spin_once(timeout_sec=0.01)

    def close(self) -> None:
        """Leave the domain."""
        self._node.destroy_node()
        self._context.try_shutdown()


@contextmanager
def listening() -> Iterator[Listener]:
    """Give a listener that is there before the node."""
    listener = Listener()
    yield listener
    listener.close()


@contextmanager
def node(bundle: str, home: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the node."""
    command = [sys.executable, '-c', NODE, '--ros-args', '-p', 'engine:=tensorrt']
    command += ['-p', f'bundle:={bundle}', '-p', 'threads:=1']
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, 'ROS_DOMAIN_ID': str(DOMAIN), 'ROS_HOME': str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def builder_ends() -> bool:
    """Wait for the builder to end; it is no child of ours, so nobody keeps its remains."""
    builder = int(Path(os.environ['FAKE_GPU_PIDS']).read_text(encoding='utf-8'))
    deadline = time.monotonic() + 5.0
    while Path(f'/proc/{builder}').exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return not Path(f'/proc/{builder}').exists()


def processor_time(process: int) -> float:
    """Return what a process has used so far, by all its threads [s]."""
    stat = Path(f'/proc/{process}/stat').read_text(encoding='utf-8').rpartition(')')[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf('SC_CLK_TCK')


@pytest.mark.parametrize('is_built', [False, True], ids=['missing', 'present'])
def test_first_mask_does_not_wait_for_the_gpu(
    is_built: bool,  # noqa: FBT001  # a parameter of the test
    fake_gpu: Say,
    tmp_path: Path,
) -> None:
    fake_gpu(build_s=0.2 if is_built else 60.0)
    with listening() as listener:
        if is_built:
            with node('default', tmp_path):
                listener.until(lambda: listener.status and listener.status[-1]['gpu'] == 'in use')
            listener.masks.clear()
            listener.status.clear()
        begun = time.monotonic()

        with node('default', tmp_path) as process:
            listener.until(lambda: listener.masks)
            first = time.monotonic() - begun
            spent = processor_time(process.pid)
            if is_built:
                listener.until(
                    lambda: listener.status and listener.status[-1]['engine'] == 'tensorrt'
                )
            swap = time.monotonic() - begun

    print(  # noqa: T201  # on a quiet machine, this is the figure
        f'first mask {first:.2f} s after the start ({spent:.2f} s of the processor), '
        f'last engine after {swap:.2f} s'
    )
    assert spent < FIRST_MASK_S  # of the processor, which other programs disturb least


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_builder_ends_with_the_node(
    number: signal.Signals, fake_gpu: Say, bundle_folder: Path, tmp_path: Path
) -> None:
    fake_gpu(build={'fp16': 'hang'})
    with listening() as listener, node(str(bundle_folder), tmp_path) as process:
        listener.until(lambda: Path(os.environ['FAKE_GPU_PIDS']).is_file())

        process.send_signal(number)
        process.communicate(timeout=TIMEOUT_S)

    assert process.returncode == (-number if number == signal.SIGKILL else 0)
    assert builder_ends()
