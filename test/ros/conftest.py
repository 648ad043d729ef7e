# SPDX-License-Identifier: Apache-2.0
"""A bundle, and nodes that talk over real DDS in a domain and namespace of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ros.child import Child, Friend
    from ros.rig import Rig
    from ros.several import Cameras
    from seg_node.pipeline import Segmenter

    StartChild = Callable[..., Child]
    MakeRig = Callable[..., Rig]


@pytest.fixture(scope='session')
def bundle_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the tiny bundle: three classes, a real network."""
    from tiny import tiny_bundle  # noqa: PLC0415  # needs onnx

    return tiny_bundle(tmp_path_factory.mktemp('bundles') / 'tiny').path


@pytest.fixture
def make_rig(bundle_folder: Path) -> Iterator[MakeRig]:
    """Return a function that starts a node; keywords are parameters, ``__`` for the dot."""
    from ros.rig import Rig  # noqa: PLC0415  # needs ROS

    rigs: list[Rig] = []

    def make(**parameters: object) -> Rig:
        values = {'bundle': str(bundle_folder), 'engine': 'onnxruntime', 'threads': 1}
        given = {name.replace('__', '.'): value for name, value in parameters.items()}
        arguments: Sequence[str] = given.pop('arguments', ())  # type: ignore[assignment]
        rigs.append(Rig({**values, **given}, arguments=arguments))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.close()


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    """An active node with the tiny bundle."""
    return make_rig()


@pytest.fixture
def cameras(make_rig: MakeRig) -> Cameras:
    """Front and left on one active node."""
    from ros.several import BOTH, Cameras  # noqa: PLC0415  # needs ROS

    return Cameras(make_rig(cameras=BOTH))


@pytest.fixture
def offline(bundle_folder: Path) -> Iterator[Segmenter]:
    """The model of the nodes without ROS."""
    from seg_node.pipeline import open_segmenter  # noqa: PLC0415  # needs onnxruntime

    with open_segmenter(bundle_folder, 'onnxruntime') as segmenter:
        yield segmenter


@pytest.fixture
def hood(tmp_path: Path) -> Path:
    """A mask of the own vehicle that fits the front camera."""
    from ros.several import FRONT  # noqa: PLC0415

    pixels = np.zeros(FRONT.shape[:2], np.uint8)
    pixels[50:, 10:60] = 255
    path = tmp_path / 'hood.png'
    cv2.imwrite(str(path), pixels)
    return path


@pytest.fixture
def fake_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that says what a made-up GPU does from now on; see ``fake_gpu.py``."""
    from fake_gpu import set_up  # noqa: PLC0415  # needs onnxruntime

    return set_up(tmp_path / 'fake_gpu', monkeypatch)


@pytest.fixture
def friend() -> Iterator[Friend]:
    """Whoever listens to a process."""
    from ros.child import Friend  # noqa: PLC0415  # needs ROS

    listener = Friend('listener')
    yield listener
    listener.close()


@pytest.fixture
def start_child(friend: Friend) -> Iterator[StartChild]:
    """Return a function that starts a module with arguments in the listener's domain."""
    from ros.child import Child  # noqa: PLC0415  # needs ROS

    children: list[Child] = []

    def start(module: str, *arguments: str) -> Child:
        children.append(Child(module, *arguments, domain=friend.domain))
        return children[-1]

    yield start
    for child in children:
        child.close()
