# SPDX-License-Identifier: Apache-2.0
"""From the camera's bytes to the masks: no copy on the way in, no array but those handed out."""

from __future__ import annotations

import tracemalloc
from types import SimpleNamespace
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import pytest

from imaging.ways import taking, WAYS
from seg_node.imaging import extension
from seg_node.imaging.message import rgb_pixels
from seg_node.pipeline import open_segmenter, Outputs, Segmenter
import tiny

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.needs_onnx
SIZE = (360, 480)
SMALL = 20_000  # [byte] arguments, results and times; a plane of the image has 172,800


@pytest.fixture
def threads(request: pytest.FixtureRequest) -> int:
    """How many threads the engine has; one where a test does not say."""
    return int(getattr(request, 'param', 1))


@pytest.fixture(
    params=[
        pytest.param('onnxruntime', marks=pytest.mark.needs_onnxruntime),
        pytest.param('openvino', marks=pytest.mark.needs_openvino),
    ]
)
def segmenter(request: pytest.FixtureRequest, tmp_path: Path, threads: int) -> Iterator[Segmenter]:
    bundle = tiny.tiny_bundle(tmp_path / 'bundle')
    with open_segmenter(bundle.path, request.param, threads=threads) as opened:
        yield opened


def message(pad: int = 0, seed: int = 0) -> SimpleNamespace:
    """Return a frame as a camera sends it, its rows padded by some bytes."""
    step = 3 * SIZE[1] + pad
    levels = np.random.default_rng(seed).integers(0, 256, SIZE[0] * step, np.uint8)
    return SimpleNamespace(
        height=SIZE[0],
        width=SIZE[1],
        encoding='rgb8',
        is_bigendian=0,
        step=step,
        data=levels.tobytes(),
    )


@pytest.mark.parametrize('threads', [1, 2], indirect=True)
@pytest.mark.parametrize('pad', [0, 5])
def test_a_frame_allocates_the_masks_and_nothing_else(segmenter: Segmenter, pad: int) -> None:
    outputs = Outputs(classes=(2,))
    segmenter(rgb_pixels(message(pad)), outputs)
    frame = message(pad, seed=1)

    tracemalloc.start()
    try:
        result = segmenter(rgb_pixels(frame), outputs)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    masks = [result.labels, result.confidence, result.entropy, result.drivable_area]
    masks += list(result.planes.values())
    handed_out = sum(one.nbytes for one in masks if one is not None)
    assert handed_out == 5 * SIZE[0] * SIZE[1]
    assert peak - handed_out < SMALL
    assert kept - handed_out < SMALL


@pytest.mark.parametrize('pad', [0, 5])
@pytest.mark.parametrize('way', WAYS)
def test_the_bytes_of_the_message_are_what_is_scaled(
    segmenter: Segmenter, way: str, pad: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = message(pad)
    seen: list[int] = []
    reader: tuple[Any, str] = (extension, 'fit') if way == 'native' else (cv2, 'resize')
    original = getattr(*reader)

    def spy(*arguments: Any, **keywords: Any) -> Any:
        image = arguments[1 if way == 'native' else 0]
        seen.append(image.ctypes.data)
        return original(*arguments, **keywords)

    with taking(way):
        monkeypatch.setattr(*reader, spy)
        segmenter(rgb_pixels(frame))

    assert seen[0] == np.frombuffer(frame.data, np.uint8).ctypes.data


def test_masks_of_a_frame_survive_the_next_one(segmenter: Segmenter) -> None:
    first = segmenter(rgb_pixels(message(seed=1)))
    kept = first.labels.copy()
    second = segmenter(rgb_pixels(message(seed=2)))

    assert np.array_equal(first.labels, kept)
    assert not np.array_equal(first.labels, second.labels)
