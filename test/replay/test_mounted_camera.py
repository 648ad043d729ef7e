# SPDX-License-Identifier: Apache-2.0
"""Drives of cameras that are turned, or see the own vehicle, are replayed as the node does."""

from __future__ import annotations

from dataclasses import replace
import json
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import pytest

from replay.drives import SIZE, TOPIC, TRUTH_TOPIC, write_drive
from seg_node.errors import BagError, ParameterError
from seg_node.replay.options import CameraMounting, ReplayOptions, TruthSource
from tiny import tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.replay.run import Replay

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_rosbags,
]

FRAMES = 6
HOOD = 30  # rows at the lower edge
TRUTH = TruthSource(topic=TRUTH_TOPIC)
SIDEWAYS = CameraMounting(rotation=90)


@pytest.fixture(scope='module')
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The bundle that calls each pixel by its brightest channel."""
    return str(tiny_bundle(tmp_path_factory.mktemp('bundle') / 'tiny').path)


@pytest.fixture(scope='module')
def upright(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drive of a camera that stands as it should."""
    return write_drive(tmp_path_factory.mktemp('upright') / 'drive', FRAMES)


@pytest.fixture(scope='module')
def sideways(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same drive, of a camera that lies on its side."""
    return write_drive(tmp_path_factory.mktemp('sideways') / 'drive', FRAMES, turn=1)


@pytest.fixture
def hood(tmp_path: Path) -> CameraMounting:
    """A camera that sees the hood."""
    mask = np.zeros(SIZE, np.uint8)
    mask[-HOOD:] = 255
    path = tmp_path / 'hood.png'
    assert cv2.imwrite(str(path), mask)
    return CameraMounting(own_vehicle_mask=str(path))


def run(bag: Path, out: Path, bundle: str, *mountings: CameraMounting, **others: Any) -> Replay:
    from seg_node.replay.run import replay  # noqa: PLC0415 - needs rosbags

    options = ReplayOptions(bundle, mountings=mountings, **{'truth': TRUTH, **others})
    return replay([bag], out, options)


def lines(result: Replay) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (result.out / 'frames.jsonl').read_text().splitlines()]


def seen(result: Replay, *names: str) -> list[list[Any]]:
    """Return what is known of each frame under these names."""
    return [[one[name] for name in names] for one in lines(result)]


def test_turned_drive_gives_the_figures_of_the_upright_one(
    upright: Path, sideways: Path, bundle: str, tmp_path: Path
) -> None:
    names = ('class_pixels', 'confusion', 'entropy')
    straight = seen(run(upright, tmp_path / 'a', bundle), *names)

    turned = run(sideways, tmp_path / 'b', bundle, SIDEWAYS)

    assert seen(turned, *names) == straight
    assert seen(turned, 'size') == [[[SIZE[1], SIZE[0]]]] * FRAMES  # of the incoming images
    assert seen(run(sideways, tmp_path / 'c', bundle), *names) != straight


def test_mounting_of_a_camera_comes_before_that_of_all_others(
    sideways: Path, bundle: str, tmp_path: Path
) -> None:
    by_name = replace(SIDEWAYS, topic=TOPIC)

    both = run(sideways, tmp_path / 'a', bundle, CameraMounting(rotation=180), by_name)

    assert seen(both, 'class_pixels') == seen(
        run(sideways, tmp_path / 'b', bundle, SIDEWAYS), 'class_pixels'
    )


@pytest.mark.parametrize('full', [False, True])
def test_own_vehicle_is_neither_counted_nor_scored(
    upright: Path, bundle: str, hood: CameraMounting, tmp_path: Path, *, full: bool
) -> None:
    height, width = SIZE

    hidden = run(upright, tmp_path / 'a', bundle, hood, full=full)

    whole = lines(run(upright, tmp_path / 'b', bundle, full=full))
    for one, before in zip(lines(hidden), whole, strict=True):
        assert sum(one['class_pixels']) == (height - HOOD) * width
        scored = sum(pixels for _, _, pixels in one['confusion'])
        assert 0 < scored <= (height - HOOD) * width
        assert scored < sum(pixels for _, _, pixels in before['confusion'])


def test_teacher_sees_the_camera_as_the_bundle_does(
    sideways: Path, bundle: str, tmp_path: Path
) -> None:
    result = run(
        sideways, tmp_path, bundle, SIDEWAYS, truth=TruthSource(teacher=bundle), full=True
    )

    wrong = [[true, taken] for one in lines(result) for true, taken, _ in one['confusion']]
    assert all(true == taken for true, taken in wrong)


def test_other_mounting_or_mask_is_another_replay(
    upright: Path, bundle: str, hood: CameraMounting, tmp_path: Path
) -> None:
    first = run(upright, tmp_path / 'out', bundle, hood)
    assert first.data['options']['mountings'] == [
        {'topic': '', 'rotation': 0, 'own_vehicle_mask': hood.own_vehicle_mask}
    ]

    assert run(upright, tmp_path / 'out', bundle, hood).data == first.data
    with pytest.raises(ParameterError, match='of other bags, labels or options'):
        run(upright, tmp_path / 'out', bundle, replace(hood, rotation=180))
    painted = np.zeros(SIZE, np.uint8)
    painted[0, 0] = 1
    assert cv2.imwrite(hood.own_vehicle_mask, painted)
    with pytest.raises(ParameterError, match='of other bags, labels or options'):
        run(upright, tmp_path / 'out', bundle, hood)


def test_mounting_of_a_camera_that_is_not_replayed_is_refused(
    upright: Path, bundle: str, tmp_path: Path
) -> None:
    with pytest.raises(BagError, match=f"for '/rear/image'; the cameras .* are: {TOPIC}"):
        run(upright, tmp_path, bundle, CameraMounting('/rear/image', 180))


def test_node_of_a_live_replay_gets_the_same_mounting(
    upright: Path, bundle: str, hood: CameraMounting
) -> None:
    from seg_node.replay.live.options import node_parameters  # noqa: PLC0415 - needs rosbags
    from seg_node.replay.plan import plan  # noqa: PLC0415

    options = ReplayOptions(bundle, mountings=(replace(hood, rotation=180),))
    values = node_parameters(options, plan([upright], options).bags[0], TOPIC)

    assert (values['rotation'], values['own_vehicle_mask']) == (180, hood.own_vehicle_mask)
