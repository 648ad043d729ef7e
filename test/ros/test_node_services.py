# SPDX-License-Identifier: Apache-2.0
"""``~/enable`` and ``~/save_snapshot``."""

from __future__ import annotations

from importlib import metadata
import json
import os
from pathlib import Path
import resource
import sys
from threading import Event
import time
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import pytest

from tiny import scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ros.rig import Rig

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

MASK = 'segmentation/mask'
IMAGE = scene((60, 80))[0]
NOISE = np.random.default_rng(1).integers(0, 256, IMAGE.shape, np.uint8)
"""Its PNG is larger than its pixels."""


def enable(rig: Rig, *, on: bool) -> Any:
    """Call the service."""
    from std_srvs.srv import SetBool  # noqa: PLC0415

    return rig.call(SetBool, 'seg_node/enable', SetBool.Request(data=on))


def save_snapshot(rig: Rig) -> Any:
    """Call the service."""
    from std_srvs.srv import Trigger  # noqa: PLC0415

    return rig.call(Trigger, 'seg_node/save_snapshot', Trigger.Request())


def facts_of(answer: Any) -> dict[str, Any]:
    """Return what is in the file of a snapshot."""
    assert answer.success, answer.message
    file = Path(answer.message) / 'snapshot.json'
    return dict(json.loads(file.read_text(encoding='utf-8')))


def installed(name: str) -> str:
    """Return the version of a library, in the words of a snapshot."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return 'not installed through pip'


def test_enable_stops_and_resumes_the_masks(rig: Rig) -> None:
    heard = rig.listen(MASK)

    assert enable(rig, on=False).success
    rig.send(rig.image(IMAGE))
    rig.until_dropped('disabled')
    assert enable(rig, on=True).success

    rig.answer(MASK, rig.send(rig.image(IMAGE)))
    assert len(heard) == 1


def test_snapshot_holds_all_that_a_fault_report_needs(
    make_rig: Callable[..., Rig], tmp_path: Path
) -> None:
    from ros.rig import pixels_of  # noqa: PLC0415

    rig = make_rig(snapshot_dir=str(tmp_path / 'deep' / 'folder'))
    rig.listen(MASK)
    sent = rig.send(rig.image(IMAGE))
    mask = pixels_of(rig.answer(MASK, sent))

    answer = save_snapshot(rig)

    assert answer.success, answer.message
    folder = Path(answer.message)
    assert folder.parent == tmp_path / 'deep' / 'folder'
    facts = json.loads((folder / 'snapshot.json').read_text(encoding='utf-8'))
    assert facts['message']['stamp'] == {'sec': sent.header.stamp.sec, 'nanosec': 123456789}
    assert facts['parameters']['engine'] == 'onnxruntime'
    assert facts['manifest']['name'] == 'tiny'
    assert facts['result']['outputs'].startswith('Of this image alone')
    assert facts['versions']['numpy'] == np.__version__
    assert facts['diagnostics'][0]['state'] == 'active'
    reliability = f'qos_overrides.{rig.namespace}/image.subscription.reliability'
    assert facts['other_parameters'][reliability] == 'best_effort'
    saved: Any = cv2.imread(str(folder / 'image.png'))
    np.testing.assert_array_equal(saved[:, :, ::-1], IMAGE)
    saved = cv2.imread(str(folder / 'mask.png'), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(saved, mask)
    with np.load(folder / 'class_confidence.npz') as planes:
        assert planes['planes'].shape == (3, 60, 80)


def test_snapshot_names_what_frames_may_depend_on_without_importing_it(
    make_rig: Callable[..., Rig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rclpy.utilities import get_rmw_implementation_identifier  # noqa: PLC0415

    monkeypatch.setenv('ROS_DISTRO', 'kilted')
    imported = set(sys.modules)
    rig = make_rig(snapshot_dir=str(tmp_path))
    rig.send(rig.image(IMAGE))
    rig.until_received(1)

    versions = facts_of(save_snapshot(rig))['versions']

    assert versions['ros_distribution'] == 'kilted'
    assert versions['rmw'] == get_rmw_implementation_identifier()
    for name in ('onnxruntime', 'openvino', 'tensorrt', 'tensorrt-rtx', 'torch'):
        assert versions[name] == installed(name)
    assert not {'openvino', 'tensorrt', 'tensorrt_rtx', 'torch'} & (set(sys.modules) - imported)


def test_snapshot_outside_of_a_distribution_says_so(
    make_rig: Callable[..., Rig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv('ROS_DISTRO', raising=False)
    rig = make_rig(snapshot_dir=str(tmp_path))
    rig.send(rig.image(IMAGE))
    rig.until_received(1)

    facts = facts_of(save_snapshot(rig))

    assert facts['versions']['ros_distribution'] == 'unknown'
    assert 'camera_info' not in facts


def test_snapshot_has_the_newest_camera_info(make_rig: Callable[..., Rig], tmp_path: Path) -> None:
    from sensor_msgs.msg import CameraInfo, RegionOfInterest  # noqa: PLC0415

    from ros.rig import CAMERA_QOS  # noqa: PLC0415

    rig = make_rig(snapshot_dir=str(tmp_path))
    infos = rig.client.create_publisher(CameraInfo, 'camera_info', CAMERA_QOS)
    info = CameraInfo(height=60, width=80, distortion_model='plumb_bob', binning_x=2)
    info.header.frame_id = 'optics'
    info.header.stamp.sec = 7
    info.k[0], info.d = 70.5, [0.1, 0.2]
    info.roi = RegionOfInterest(x_offset=4, do_rectify=True)
    rig.send(info, infos)
    rig.until(lambda: rig.node.cameras[0].newest_info is not None, 'the node has the camera info')
    rig.send(rig.image(IMAGE))
    rig.until_received(1)

    known = facts_of(save_snapshot(rig))['camera_info']

    assert (known['frame_id'], known['stamp']) == ('optics', {'sec': 7, 'nanosec': 0})
    assert (known['height'], known['width'], known['binning_x']) == (60, 80, 2)
    assert (known['distortion_model'], known['d']) == ('plumb_bob', [0.1, 0.2])
    assert (len(known['k']), known['k'][0]) == (9, 70.5)
    assert (len(known['r']), len(known['p'])) == (9, 12)
    assert (known['roi']['x_offset'], known['roi']['do_rectify']) == (4, True)


def test_snapshot_of_a_bad_frame_keeps_its_bytes_and_the_error(
    make_rig: Callable[..., Rig], tmp_path: Path
) -> None:
    rig = make_rig(snapshot_dir=str(tmp_path))
    rig.listen(MASK)
    rig.send(rig.image(IMAGE, encoding='klingon8'))
    rig.until_dropped('bad_image')

    answer = save_snapshot(rig)

    assert 'klingon8' in facts_of(answer)['error']
    assert (Path(answer.message) / 'message.bin').read_bytes() == IMAGE.tobytes()


def test_snapshot_of_a_huge_message_keeps_its_beginning(
    make_rig: Callable[..., Rig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('seg_node.ros.snapshot.MOST_MESSAGE_BYTES', 1000)
    rig = make_rig(snapshot_dir=str(tmp_path))
    rig.listen(MASK)
    rig.send(rig.image(IMAGE, encoding='klingon8'))
    rig.until_dropped('bad_image')

    folder = Path(save_snapshot(rig).message)

    assert (folder / 'message.bin').read_bytes() == IMAGE.tobytes()[:1000]
    facts = json.loads((folder / 'snapshot.json').read_text(encoding='utf-8'))
    assert facts['message']['bytes'] == IMAGE.nbytes


def test_snapshot_of_a_frame_that_reveals_a_defect_has_its_traceback(
    make_rig: Callable[..., Rig], tmp_path: Path
) -> None:
    rig = make_rig(snapshot_dir=str(tmp_path))
    rig.listen(MASK)
    rig.runner.engine._infer = lambda *_: 1 / 0
    rig.send(rig.image(IMAGE))
    rig.until_dropped('internal_error')

    answer = save_snapshot(rig)

    assert 'ZeroDivisionError' in facts_of(answer)['error']


def test_defect_of_the_snapshot_itself_does_not_end_the_node(
    make_rig: Callable[..., Rig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('seg_node.ros.snapshot._versions', lambda: 1 / 0)
    rig = make_rig(snapshot_dir=str(tmp_path))
    rig.listen(MASK)
    rig.answer(MASK, rig.send(rig.image(IMAGE)))

    answer = save_snapshot(rig)

    assert not answer.success
    assert 'ZeroDivisionError' in answer.message
    assert list(tmp_path.iterdir()) == []
    rig.answer(MASK, rig.send(rig.image(IMAGE)))


class SlowSnapshots:
    """Snapshots that are not written before they may be."""

    def __init__(self) -> None:
        """Begin with none."""
        self.begun: list[object] = []
        self.may_end = Event()

    def __call__(self, *what: object) -> Path:
        """Wait, and write none."""
        self.begun.append(what)
        self.may_end.wait(30.0)
        return Path(f'snapshot {len(self.begun)}')


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowSnapshots]:
    """What stands in the place of the snapshots of nodes."""
    snapshots = SlowSnapshots()
    monkeypatch.setattr('seg_node.ros.snapshot.save_snapshot', snapshots)
    yield snapshots
    snapshots.may_end.set()


def ask_for_snapshots(rig: Rig, count: int) -> list[Any]:
    """Call the service so often without waiting for the answers; return these."""
    from std_srvs.srv import Trigger  # noqa: PLC0415

    client: Any = rig.client.create_client(Trigger, f'{rig.namespace}/seg_node/save_snapshot')
    rig.until(client.service_is_ready, 'the service')
    return [client.call_async(Trigger.Request()) for _ in range(count)]


def test_masks_and_diagnostics_come_out_while_a_snapshot_is_made(
    make_rig: Callable[..., Rig], slow: SlowSnapshots
) -> None:
    from diagnostic_msgs.msg import DiagnosticArray  # noqa: PLC0415

    rig = make_rig(diagnostics_period=0.1)
    rig.listen(MASK)
    rig.answer(MASK, rig.send(rig.image(IMAGE)))
    (answer,) = ask_for_snapshots(rig, 1)
    rig.until(lambda: slow.begun, 'the snapshot is begun')

    rig.answer(MASK, rig.send(rig.image(IMAGE)))
    heard: list[Any] = []
    rig.client.create_subscription(DiagnosticArray, '/diagnostics', heard.append, 5)
    rig.until(lambda: heard, 'diagnostics arrive')

    assert not answer.done()
    assert not rig.node.free_model(0.0)
    assert rig.runner is not None
    slow.may_end.set()
    rig.until(answer.done, 'the answer')
    assert answer.result().message == 'snapshot 1'


def test_snapshots_are_made_one_after_the_other(rig: Rig, slow: SlowSnapshots) -> None:
    rig.listen(MASK)
    rig.answer(MASK, rig.send(rig.image(IMAGE)))
    answers = ask_for_snapshots(rig, 2)
    rig.until(lambda: slow.begun, 'the first is begun')
    rig.answer(MASK, rig.send(rig.image(IMAGE)))

    assert len(slow.begun) == 1
    slow.may_end.set()
    rig.until(lambda: all(one.done() for one in answers), 'both answers')
    assert {one.result().message for one in answers} == {'snapshot 1', 'snapshot 2'}


def test_snapshot_says_that_there_was_no_image(rig: Rig) -> None:
    answer = save_snapshot(rig)

    assert not answer.success
    assert 'No image has arrived' in answer.message


def test_snapshot_says_that_there_is_no_model(make_rig: Callable[..., Rig]) -> None:
    answer = save_snapshot(make_rig(autostart=False))

    assert not answer.success
    assert 'unconfigured' in answer.message


def test_snapshot_says_that_it_cannot_be_written(
    make_rig: Callable[..., Rig], tmp_path: Path
) -> None:
    (tmp_path / 'file').write_text('in the way')
    rig = make_rig(snapshot_dir=str(tmp_path / 'file' / 'below'))
    rig.listen(MASK)
    rig.answer(MASK, rig.send(rig.image(IMAGE)))

    answer = save_snapshot(rig)

    assert not answer.success
    assert 'Set parameter snapshot_dir' in answer.message
    rig.answer(MASK, rig.send(rig.image(IMAGE)))


def test_remains_of_a_killed_process_are_removed_and_work_of_others_is_left(
    make_rig: Callable[..., Rig], tmp_path: Path
) -> None:
    for name, age in (('.snapshot-killed', 3600.0), ('.snapshot-at-work', 1.0)):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'message.bin').write_bytes(b'half')
        moment = time.time() - age
        os.utime(tmp_path / name, (moment, moment))
    rig = make_rig(snapshot_dir=str(tmp_path))
    rig.send(rig.image(IMAGE))
    rig.until_received(1)

    answer = save_snapshot(rig)

    assert answer.success
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {'.snapshot-at-work', Path(answer.message).name}


@pytest.mark.parametrize('limit', [10, NOISE.nbytes + 10], ids=['at once', 'at the pictures'])
def test_full_disk_is_answered_and_nothing_is_left_half_written(
    limit: int, make_rig: Callable[..., Rig], tmp_path: Path
) -> None:
    rig = make_rig(snapshot_dir=str(tmp_path))
    rig.listen(MASK)
    rig.answer(MASK, rig.send(rig.image(NOISE)))

    # The kernel refuses to let a file grow beyond this; the Python interpreter ignores the signal.
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        answer = save_snapshot(rig)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert not answer.success
    assert 'could not be written: [Errno 27] File too large' in answer.message
    assert 'Set parameter snapshot_dir to a folder with free space' in answer.message
    assert list(tmp_path.iterdir()) == []
    assert save_snapshot(rig).success
