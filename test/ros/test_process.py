# SPDX-License-Identifier: Apache-2.0
"""The executable as a process of its own."""

from __future__ import annotations

from contextlib import contextmanager
import os
from pathlib import Path
import signal
import subprocess
import sys
from threading import Event, Thread
import time
from typing import Any, TYPE_CHECKING

import pytest

from seg_node.ros.transport import PROFILE_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Start = Callable[..., subprocess.Popen[str]]

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 20.0
END_S = 2.0
DOMAIN = 1 + os.getpid() % 100
NODE = ('-m', 'seg_node.ros.main')
# The node with an engine that hangs, once it has been tried out.
HANGING_NODE = """
import time
from seg_node.engines.fake_engine import FakeEngine
from seg_node.ros.main import main
infer, calls = FakeEngine._infer, []
def hang(self, batch):
    calls.append(print('inference', len(calls), flush=True))
    time.sleep(60 if len(calls) > 1 else 0)
    return infer(self, batch)
FakeEngine._infer = hang
raise SystemExit(main())
"""
# The same, with less patience.
IMPATIENT_NODE = f"""
import seg_node.ros.node as module
module.STOP_TIMEOUT_S = module.RELEASE_TIMEOUT_S = 0.1
{HANGING_NODE}"""
# The node, telling when it begins to load ROS.
LOADING_NODE = """
import sys
class Announce:
    def find_spec(self, name, *_):
        if name == 'rclpy.executors':
            print('loading', flush=True)
sys.meta_path.insert(0, Announce())
from seg_node.ros.main import main
raise SystemExit(main())
"""
# The node, telling when ROS goes down whether rclpy's thread for signals still has what it wakes.
HELD_NODE = """
import gc
import rclpy
from rclpy.executors import SingleThreadedExecutor
from seg_node.ros.main import main
down = rclpy.try_shutdown
def watched():
    gc.collect()  # which may come at any time
    executors = [one for one in gc.get_objects() if type(one) is SingleThreadedExecutor]
    print('held', any(one._sigint_gc is not None for one in executors), flush=True)
    down()
rclpy.try_shutdown = watched
raise SystemExit(main())
"""


@pytest.fixture
def start(bundle_folder: Path, tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts the node; words are parameters and ROS arguments."""
    started: list[subprocess.Popen[str]] = []

    def begin(
        *words: str, program: tuple[str, ...] = NODE, **environment: str
    ) -> subprocess.Popen[str]:
        command = [sys.executable, *program, '--ros-args', '-p', 'threads:=1']
        command += ['-p', f'bundle:={bundle_folder}', *words]
        clean = {name: one for name, one in os.environ.items() if name not in PROFILE_VARIABLES}
        clean.update({'ROS_DOMAIN_ID': str(DOMAIN), 'ROS_HOME': str(tmp_path), **environment})
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=clean,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """Read the process's output up to the line that has the words; return it all."""
    assert process.stdout is not None
    text = ''
    for line in process.stdout:
        text += line
        if words in line:
            return text
    pytest.fail(f'The process ended without saying {words!r}:\n{text}')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
@pytest.mark.parametrize('autostart', ['true', 'false'])
def test_signal_ends_the_process_with_status_0(
    number: signal.Signals, autostart: str, start: Start
) -> None:
    process = start('-p', f'autostart:={autostart}')
    read_until(process, 'inactive -> active' if autostart == 'true' else 'Fast DDS profile')
    begun = time.monotonic()

    process.send_signal(number)
    text, _ = process.communicate(timeout=TIMEOUT_S)

    assert process.returncode == 0, text
    assert time.monotonic() - begun < END_S


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_signal_ends_the_process_while_it_still_loads(
    number: signal.Signals, start: Start
) -> None:
    process = start(program=('-c', LOADING_NODE))
    read_until(process, 'loading')

    process.send_signal(number)
    text, _ = process.communicate(timeout=TIMEOUT_S)

    assert process.returncode == 0, text
    assert 'Traceback' not in text


def test_executor_outlives_ros_because_a_second_signal_wakes_it(start: Start) -> None:
    process = start(program=('-c', HELD_NODE))
    read_until(process, 'inactive -> active')

    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=TIMEOUT_S)

    assert process.returncode == 0
    assert 'held True' in out


def test_signal_ends_the_process_in_the_middle_of_an_inference(start: Start) -> None:
    process = start('-p', 'engine:=fake', program=('-c', HANGING_NODE))
    read_until(process, 'inactive -> active')
    with camera_and_listener(DOMAIN) as publish:
        stop_publishing = Event()
        publisher = Thread(target=publish, args=(stop_publishing,))
        publisher.start()
        read_until(process, 'inference 1')
        begun = time.monotonic()

        process.send_signal(signal.SIGTERM)
        text, _ = process.communicate(timeout=TIMEOUT_S)

        took = time.monotonic() - begun
        stop_publishing.set()
        publisher.join()
    assert process.returncode == 0, text
    assert took < END_S


def test_signal_ends_the_process_whose_deactivation_hung(start: Start) -> None:
    process = start('-p', 'engine:=fake', program=('-c', IMPATIENT_NODE))
    read_until(process, 'inactive -> active')
    with camera_and_listener(DOMAIN) as publish:
        stop_publishing = Event()
        publisher = Thread(target=publish, args=(stop_publishing,))
        publisher.start()
        read_until(process, 'inference 1')
        stop_publishing.set()
        publisher.join()
        deactivate(DOMAIN)
        read_until(process, 'Could not recover')

        process.send_signal(signal.SIGTERM)
        text, _ = process.communicate(timeout=TIMEOUT_S)

    assert process.returncode == 0, text
    assert 'Traceback' not in text


def test_watchdog_ends_the_process_with_status_3_if_it_is_asked_to(start: Start) -> None:
    words = ('engine:=fake', 'watchdog_timeout:=0.3', 'watchdog_action:=exit')
    given = [one for word in words for one in ('-p', word)]
    process = start(*given, program=('-c', HANGING_NODE))
    read_until(process, 'inactive -> active')
    with camera_and_listener(DOMAIN) as publish:
        stop_publishing = Event()
        publisher = Thread(target=publish, args=(stop_publishing,))
        publisher.start()

        text, _ = process.communicate(timeout=TIMEOUT_S)

        stop_publishing.set()
        publisher.join()
    assert process.returncode == 3, text
    assert 'seg_node: error: The worker has been at one frame for' in text
    assert 'Traceback' not in text


@contextmanager
def camera_and_listener(domain: int) -> Iterator[Callable[[Event], None]]:
    """Subscribe to the mask and give a function that publishes images until an event is set."""
    import rclpy  # noqa: PLC0415
    from rclpy.context import Context  # noqa: PLC0415
    from sensor_msgs.msg import Image  # noqa: PLC0415

    context = Context()
    rclpy.init(context=context, domain_id=domain)
    node = rclpy.create_node('camera', context=context)
    images = node.create_publisher(Image, 'image', 1)
    node.create_subscription(Image, 'segmentation/mask', lambda _: None, 1)

    def publish(stop: Event) -> None:
        while not stop.wait(0.1):
            images.publish(Image(height=1, width=1, step=1, encoding='mono8', data=[0]))

    yield publish
    node.destroy_node()
    context.try_shutdown()


def deactivate(domain: int) -> None:
    """Ask the node to deactivate, and do not wait for what becomes of it."""
    from lifecycle_msgs.msg import Transition  # noqa: PLC0415
    from lifecycle_msgs.srv import ChangeState  # noqa: PLC0415
    import rclpy  # noqa: PLC0415
    from rclpy.context import Context  # noqa: PLC0415

    context = Context()
    rclpy.init(context=context, domain_id=domain)
    node = rclpy.create_node('manager', context=context)
    client: Any = node.create_client(ChangeState, 'seg_node/change_state')
    assert client.wait_for_service(TIMEOUT_S)
    wish = Transition(id=Transition.TRANSITION_DEACTIVATE)
    client.call_async(ChangeState.Request(transition=wish))
    time.sleep(0.5)  # the request is on its way; the answer is of no interest
    node.destroy_node()
    context.try_shutdown()


def test_wrong_parameter_ends_the_process_with_a_sentence(start: Start) -> None:
    process = start('-p', 'max_age:=99.0')

    text, _ = process.communicate(timeout=TIMEOUT_S)

    assert process.returncode == 1
    assert "seg_node: error: Parameter 'max_age' is 99.0; expected 0 to 60 s." in text
    assert 'Traceback' not in text


def test_misspelt_parameter_is_named(start: Start) -> None:
    process = start('-p', 'max_agee:=1.0')

    text = read_until(process, 'Unknown parameter')

    assert "Unknown parameter 'max_agee'; expected one of autostart, " in text


def test_missing_bundle_is_reported_and_the_node_stays_for_a_manager(start: Start) -> None:
    process = start('-p', 'bundle:=/nowhere')

    text = read_until(process, 'Autostart failed')

    assert "Could not configure: There is no bundle '/nowhere'" in text
    assert 'ros2 lifecycle set /seg_node configure' in text
    assert process.poll() is None


def test_shipped_profile_is_used_unless_the_user_has_one(start: Start) -> None:
    ours = read_until(start(), 'Fast DDS profile')
    name = PROFILE_VARIABLES[0]
    theirs = read_until(start(**{name: '/my/profile.xml'}), 'Fast DDS profile')

    assert 'config/fastdds_large_images.xml' in ours
    assert f'{name}=/my/profile.xml (already set)' in theirs
    assert 'fastdds_large_images' not in theirs
