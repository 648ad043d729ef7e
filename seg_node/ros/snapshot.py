# SPDX-License-Identifier: Apache-2.0
"""The newest frames with what a fault report needs: image, outputs, parameters, versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import metadata
import json
import os
from pathlib import Path
import platform
import shutil
import tempfile
import time
import traceback
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
from rclpy.utilities import get_rmw_implementation_identifier

from seg_node.errors import SegNodeError
from seg_node.imaging import colorize, overlay
from seg_node.pipeline import Outputs
from seg_node.ros.cameras.model_runner import Job
from seg_node.ros.cameras.processing import decode
from seg_node.ros.parameters.table import find_spec

from .snapshot_folder import ready_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    from sensor_msgs.msg import CameraInfo

    from seg_node.pipeline import Segmentation
    from seg_node.ros.cameras.model_runner import ModelRunner
    from seg_node.ros.parameters.table import Parameters

    from .node import SegNode

__all__ = ['Newest', 'answer_snapshot', 'save_snapshot']

SCRATCH = '.snapshot-'
"""Begin of the name of a folder that is being written."""
REMAINS_AGE_S = 600.0
"""No snapshot takes so long: what is older is left from a killed process."""
MOST_MESSAGE_BYTES = 100_000_000
"""An image of 8K in colour."""
PATIENCE_S = 5.0
"""A snapshot waits so long for the frame at hand."""

OUTPUTS = (
    'Of this image alone, in any time: not smoothed, the CRF without latency budget and '
    'hysteresis, the drivable area by the stricter limits of its hysteresis. Where these are on, '
    'what was published may differ.'
)

LIBRARIES = (
    'seg_node',
    'rclpy',
    'numpy',
    'opencv-python-headless',
    'onnxruntime',
    'openvino',
    'tensorrt',
    'tensorrt-rtx',
    'torch',
)


@dataclass(frozen=True, slots=True)
class Newest:
    """What a camera sent last.

    Attributes:
        message: sensor_msgs Image or CompressedImage.
        info: Its newest CameraInfo since the node was activated; None if there was none.
    """

    message: Any
    info: CameraInfo | None = None


def answer_snapshot(node: SegNode) -> tuple[bool, str]:
    """Save a snapshot of a node's newest frames; return whether that went well, and the answer.

    It may run beside the executor and the worker.
    """
    try:
        return _answer(node)
    except OSError as err:
        return False, (
            f'The snapshot could not be written: {err}. Set parameter snapshot_dir to a folder '
            'with free space.'
        )
    except Exception:  # noqa: BLE001  # it would end the node
        return False, f'The snapshot failed by a defect: {traceback.format_exc()}'


def _answer(node: SegNode) -> tuple[bool, str]:
    runner = node.runner  # once: the executor may take it, and a frame, away
    if runner is None:
        return False, f'The node is {node.state} and has no model; configure it first.'
    sent = {one.name: Newest(one.newest, one.newest_info) for one in node.cameras}
    newest = {name: one for name, one in sent.items() if one.message is not None}
    if not newest:
        return False, 'No image has arrived since the node was configured; activate it and wait.'
    facts = {
        'diagnostics': [_status(one) for one in node.diagnosis.message().status],
        'other_parameters': _other_parameters(node),
    }
    return True, str(save_snapshot(newest, runner, node.parameters, facts))


def save_snapshot(
    newest: Mapping[str, Newest],
    runner: ModelRunner,
    parameters: Parameters,
    facts: Mapping[str, object],
) -> Path:
    """Segment messages once more and write all of it into a new folder.

    A message that cannot be decoded is written too: that is what a fault report needs most. While
    an inference hangs, everything but the outputs is written.

    Args:
        newest: By the name of the camera, which becomes a folder of its own; the only camera may
            have no name.
        runner: The open model.
        parameters: Present values; ``snapshot_dir`` says where.
        facts: What else is known.

    Returns:
        The new folder. It appears as a whole or not at all.

    Raises:
        OSError: If the folder cannot be written.
    """
    parent = ready_folder(Path(parameters.snapshot_dir))
    _remove_remains(parent)
    name = datetime.now(timezone.utc).strftime('%Y%m%d-%H%M%S-%f')
    scratch = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=parent))
    try:
        frames = {
            camera: {
                **_infos(one.info),
                **_write_frame(scratch / camera, one.message, camera, runner, parameters),
            }
            for camera, one in newest.items()
        }
        alone = frames.get('')
        known = {**_known(runner, parameters), **facts, **(alone or {'cameras': frames})}
        text = json.dumps(known, indent=2, default=str)
        (scratch / 'snapshot.json').write_text(text + '\n', encoding='utf-8')
        return scratch.rename(parent / name)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


def _remove_remains(parent: Path) -> None:
    """Remove what processes that were killed have left half-written."""
    for folder in parent.glob(f'{SCRATCH}*'):
        if time.time() - folder.lstat().st_mtime > REMAINS_AGE_S:
            shutil.rmtree(folder, ignore_errors=True)


def _known(runner: ModelRunner, parameters: Parameters) -> dict[str, object]:
    return {
        'parameters': parameters.to_values(),
        'model': runner.described(),
        'manifest': runner.bundle.manifest.to_dict(),
        'versions': _versions(),
    }


def _other_parameters(node: SegNode) -> dict[str, object]:
    """Return those of single cameras and endpoints, which are not in the table."""
    everything = node.get_parameters_by_prefix('')
    return {name: one.value for name, one in everything.items() if find_spec(name) is None}


def _status(status: Any) -> dict[str, str]:
    values = {pair.key: pair.value for pair in status.values}
    return {'name': status.name, 'message': status.message, **values}


def _write_frame(
    folder: Path, message: Any, camera: str, runner: ModelRunner, parameters: Parameters
) -> dict[str, object]:
    """Write a message and its outputs; return what is known of them."""
    folder.mkdir(exist_ok=True)
    _write_message(folder, message)
    facts: dict[str, object] = {'message': _fields(message)}
    try:
        image = decode(message)
        job = Job(image, _everything(runner), camera=camera)
        (result,) = runner.run([job], parameters, patience=PATIENCE_S)
        _write_pictures(folder, image, result, runner)
    except SegNodeError as err:
        return {**facts, 'error': str(err)}
    except OSError:
        raise  # it is the snapshot that cannot be written
    except Exception:  # noqa: BLE001  # what fails so is what the snapshot is made for
        return {**facts, 'error': traceback.format_exc()}
    facts['result'] = {
        'outputs': OUTPUTS,
        'crf': result.crf,
        'uncertain_fraction': result.uncertain_fraction,
        'times_s': dict(result.times),
    }
    return facts


def _everything(runner: ModelRunner) -> Outputs:
    return Outputs(
        confidence=True,
        entropy=True,
        drivable_area=True,
        classes=tuple(range(len(runner.bundle.manifest.taxonomy))),
    )


def _write_message(folder: Path, message: Any) -> None:
    """Write the bytes as they came, so that even a damaged message can be looked at.

    Of a message that is larger than any camera's the beginning has to do.
    """
    (folder / 'message.bin').write_bytes(bytes(message.data[:MOST_MESSAGE_BYTES]))


def _fields(message: Any) -> dict[str, object]:
    names = ('height', 'width', 'encoding', 'is_bigendian', 'step', 'format')
    return {
        'frame_id': message.header.frame_id,
        'stamp': _stamp(message.header.stamp),
        'bytes': len(message.data),
        **{name: getattr(message, name) for name in names if hasattr(message, name)},
    }


def _infos(info: CameraInfo | None) -> dict[str, object]:
    """Return a camera's calibration by its key; nothing if there is none."""
    if info is None:
        return {}
    region = info.roi
    names = ('height', 'width', 'distortion_model', 'binning_x', 'binning_y')
    sides = ('x_offset', 'y_offset', 'height', 'width', 'do_rectify')
    return {
        'camera_info': {
            'frame_id': info.header.frame_id,
            'stamp': _stamp(info.header.stamp),
            **{name: getattr(info, name) for name in names},
            **{name: [float(one) for one in getattr(info, name)] for name in 'dkrp'},
            'roi': {side: getattr(region, side) for side in sides},
        }
    }


def _stamp(stamp: Any) -> dict[str, int]:
    return {'sec': stamp.sec, 'nanosec': stamp.nanosec}


def _write_pictures(
    folder: Path, image: npt.NDArray[np.uint8], result: Segmentation, runner: ModelRunner
) -> None:
    taxonomy = runner.bundle.manifest.taxonomy
    pictures = {
        'image': image,
        'mask': result.labels,
        'confidence': result.confidence,
        'entropy': result.entropy,
        'drivable_area': result.drivable_area,
        'color': colorize(result.labels, taxonomy),
        'overlay': overlay(image, result.labels, taxonomy),
    }
    for name, pixels in pictures.items():
        if pixels is not None:
            _write_png(folder / f'{name}.png', pixels)
    planes = np.stack([result.planes[index] for index in sorted(result.planes)])
    np.savez_compressed(folder / 'class_confidence.npz', planes=planes, names=taxonomy.names)


def _write_png(path: Path, pixels: npt.NDArray[np.uint8]) -> None:
    bgr = pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[:, :, ::-1])  # noqa: PLR2004
    _, coded = cv2.imencode('.png', bgr)
    path.write_bytes(coded.tobytes())  # unlike imwrite, this says why it failed


def _versions() -> dict[str, str]:
    versions = {
        'python': platform.python_version(),
        'platform': platform.platform(),
        'ros_distribution': os.environ.get('ROS_DISTRO') or 'unknown',
        'rmw': get_rmw_implementation_identifier(),
    }
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # noqa: PERF203  # a few
            versions[name] = 'not installed through pip'
    return versions
