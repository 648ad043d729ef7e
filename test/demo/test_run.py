# SPDX-License-Identifier: Apache-2.0
"""The whole demo, small: the real node as a process, a tiny bundle, a few frames over DDS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from seg_node.crf import CrfOptions
from seg_node.demo import DemoOptions, run_demo, table
from seg_node.errors import BundleError, ProcessError
from tiny import scene, tiny_bundle, tuned_bundle

if TYPE_CHECKING:
    from pathlib import Path

FRAMES = 5


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of pictures of two sizes that the tiny bundle segments without a fault."""
    folder = tmp_path / 'images'
    folder.mkdir()
    for index in range(FRAMES):
        image = scene((90, 120) if index else (60, 90), index)[0]
        cv2.imwrite(str(folder / f'{index}.png'), image[:, :, ::-1])
    return folder


@pytest.mark.needs_ros
@pytest.mark.needs_onnx
@pytest.mark.needs_onnxruntime
def test_demo_shows_what_the_node_made_of_each_image(tmp_path: Path, images: Path) -> None:
    bundle = tuned_bundle(tmp_path / 'tiny', CrfOptions(iterations=1))
    out = tmp_path / 'out'
    options = DemoOptions(out, input=images, rate=3.0, bundle=str(bundle.path), crf='on')

    result = run_demo(options)

    summary = json.loads((out / 'summary.json').read_text(encoding='utf-8'))
    assert summary == result.summary
    assert summary['frames'] == {
        'sent': FRAMES,
        'masks': FRAMES,
        'foreign_masks': 0,
        'received_by_node': FRAMES,
        'lost_on_the_way': 0,
        'dropped': {},
        'lost_masks': 0,
    }
    assert 0 < summary['latency_ms']['p50'] < 1000
    assert summary['stages_ms']['infer']['p50'] > 0
    assert summary['engine']['name'] == 'onnxruntime'
    assert summary['bundle']['sha256'] == bundle.digest
    assert summary['crf']['decisions'] == {'ran': FRAMES}
    assert summary['crf']['compared_frames'] == FRAMES
    assert out / 'crf.png' in result.files
    assert f'{FRAMES} sent, {FRAMES} masks back, none lost' in table(summary)
    assert all(file.stat().st_size for file in result.files)
    page = cv2.imread(str(out / 'contact_sheet.png'))
    assert page is not None
    for color in ((0, 0, 255), (0, 255, 0), (255, 0, 0)):  # classes of the bundle, in BGR
        assert (page == np.array(color)).all(axis=-1).sum() > 2000
    assert 'Subscribed to /demo/image' in (out / 'logs' / 'node.log').read_text(encoding='utf-8')


@pytest.mark.needs_ros
@pytest.mark.needs_onnx
@pytest.mark.needs_onnxruntime
def test_node_that_cannot_start_is_quoted(tmp_path: Path, images: Path) -> None:
    bundle = tiny_bundle(tmp_path / 'tiny')
    options = DemoOptions(tmp_path / 'out', input=images, bundle=str(bundle.path), engine='steam')

    with pytest.raises(ProcessError, match=r"(?s)The node ended with status 1.*'steam'"):
        run_demo(options)


@pytest.mark.needs_ros
def test_missing_bundle_is_told_before_anything_starts(tmp_path: Path) -> None:
    options = DemoOptions(tmp_path / 'out', bundle='./nowhere')

    with pytest.raises(BundleError, match='There is no bundle'):
        run_demo(options)
    assert not options.out.exists()
