# SPDX-License-Identifier: Apache-2.0
"""One frame with what a fault report needs: image, outputs, parameters, versions."""

from __future__ import annotations

from datetime import datetime, timezone
from importlib import metadata
import json
from pathlib import Path
import platform
import shutil
import tempfile
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np

from seg_node.errors import SegNodeError
from seg_node.imaging import colorize, overlay
from seg_node.pipeline import Outputs
from seg_node.ros.cameras.model_runner import Job
from seg_node.ros.cameras.processing import decode

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.pipeline import Segmentation
    from seg_node.ros.cameras.model_runner import ModelRunner
    from seg_node.ros.parameters.table import Parameters

__all__ = ['save_snapshot']

LIBRARIES = ('seg_node', 'rclpy', 'numpy', 'opencv-python-headless', 'onnxruntime')


def save_snapshot(
    message: Any, runner: ModelRunner, parameters: Parameters, camera: str = ''
) -> Path:
    """Segment a message once more and write all of it into a new folder.

    A message that cannot be decoded is written too: that is what a fault report needs most.

    Args:
        message: sensor_msgs Image or CompressedImage.
        runner: The open model.
        parameters: Present values; ``snapshot_dir`` says where.
        camera: Name of the one that the message is from.

    Returns:
        The new folder. It appears as a whole or not at all.

    Raises:
        OSError: If the folder cannot be written.
    """
    parent = Path(parameters.snapshot_dir).expanduser()
    parent.mkdir(parents=True, exist_ok=True)
    name = datetime.now(timezone.utc).strftime('%Y%m%d-%H%M%S-%f')
    scratch = Path(tempfile.mkdtemp(prefix='.snapshot-', dir=parent))
    try:
        _write_all(scratch, message, runner, parameters, camera)
        return scratch.rename(parent / name)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


def _write_all(
    folder: Path, message: Any, runner: ModelRunner, parameters: Parameters, camera: str
) -> None:
    _write_message(folder, message)
    facts: dict[str, object] = {
        'message': _fields(message),
        'parameters': parameters.to_values(),
        'model': runner.described(),
        'manifest': runner.bundle.manifest.to_dict(),
        'versions': _versions(),
    }
    try:
        image = decode(message)
        job = Job(image, _everything(runner), camera=camera)
        (result,) = runner.run([job], parameters)
        _write_pictures(folder, image, result, runner)
        facts['result'] = {
            'crf': result.crf,
            'uncertain_fraction': result.uncertain_fraction,
            'times_s': dict(result.times),
        }
    except SegNodeError as err:
        facts['error'] = str(err)
    text = json.dumps(facts, indent=2, default=str)
    (folder / 'snapshot.json').write_text(text + '\n', encoding='utf-8')


def _everything(runner: ModelRunner) -> Outputs:
    return Outputs(
        confidence=True,
        entropy=True,
        drivable_area=True,
        classes=tuple(range(len(runner.bundle.manifest.taxonomy))),
    )


def _write_message(folder: Path, message: Any) -> None:
    """Write the bytes as they came, so that even a damaged message can be looked at."""
    (folder / 'message.bin').write_bytes(bytes(message.data))


def _fields(message: Any) -> dict[str, object]:
    names = ('height', 'width', 'encoding', 'is_bigendian', 'step', 'format')
    stamp = message.header.stamp
    return {
        'frame_id': message.header.frame_id,
        'stamp': {'sec': stamp.sec, 'nanosec': stamp.nanosec},
        'bytes': len(message.data),
        **{name: getattr(message, name) for name in names if hasattr(message, name)},
    }


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
    versions = {'python': platform.python_version(), 'platform': platform.platform()}
    for name in LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # noqa: PERF203  # five of them
            versions[name] = 'not installed through pip'
    return versions
