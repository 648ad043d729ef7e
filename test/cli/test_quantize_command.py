# SPDX-License-Identifier: Apache-2.0
"""``seg quantize`` from a bundle in float to one that also runs in integers, or to a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import pytest
import yaml

from seg_node.bundle import open_bundle, write_bundle
from seg_node.cli.main import main
from seg_node.pipeline import open_segmenter
from tiny import scene, TAXONOMY, tiny_manifest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

CPU, TRT = 'model.int8.cpu.onnx', 'model.int8.trt.onnx'


@pytest.fixture
def bundle(tmp_path: Path) -> str:
    from layers import layered_onnx  # noqa: PLC0415 - needs onnx

    (tmp_path / 'network').write_bytes(layered_onnx())
    (tmp_path / 'weights').write_bytes(b'weights')
    files = {'model.onnx': tmp_path / 'network', 'weights.safetensors': tmp_path / 'weights'}
    return str(write_bundle(tmp_path / 'bundle', tiny_manifest(), files).path)


@pytest.fixture
def data(tmp_path: Path) -> str:
    folder = tmp_path / 'data'
    for kind in ('images', 'labels'):
        for split in ('train', 'val'):
            (folder / kind / split).mkdir(parents=True)
    for seed, split in enumerate(('train', 'train', 'val', 'val')):
        image, labels = scene(seed=seed)
        cv2.imwrite(str(folder / 'images' / split / f'{seed}.png'), image[..., ::-1])
        cv2.imwrite(str(folder / 'labels' / split / f'{seed}.png'), labels)
    (folder / 'taxonomy.yaml').write_text(yaml.safe_dump(TAXONOMY.to_dict()), encoding='utf-8')
    return str(folder)


def test_both_networks_are_added_and_what_they_lose_is_stored_and_printed(
    bundle: str, data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / 'int8'

    status = main(['quantize', bundle, data, str(target), '--least-speed', '0', '--default'])

    assert status == 0
    manifest = open_bundle(target).manifest
    assert set(manifest.files) == {'model.onnx', 'weights.safetensors', CPU, TRT}
    assert manifest.precision == 'int8'
    report = manifest.quality['int8'][CPU]
    assert report['shipped']
    assert report['images'] == 2
    assert report['held out'] is False
    assert report['calibrated on'] == '2 images of train'
    assert abs(report['lost'] - 100 * (report['fp32_mean_iou'] - report['int8_mean_iou'])) < 0.02
    assert report['fp32_mean_iou'] > 0.8
    assert report['speed'] > 0
    assert 'speed' not in manifest.quality['int8'][TRT]
    assert data not in str(manifest)
    printed = capsys.readouterr().out
    assert CPU in printed
    assert TRT in printed
    with open_segmenter(target) as segmenter:
        assert segmenter.engine.precision == 'int8'
        assert segmenter(scene()[0]).labels.shape == scene()[1].shape


def test_a_slow_network_for_the_cpu_is_left_out_and_the_manifest_says_why(
    bundle: str, data: str, tmp_path: Path
) -> None:
    target = tmp_path / 'int8'

    assert main(['quantize', bundle, data, str(target), '--least-speed', '1000']) == 0

    manifest = open_bundle(target).manifest
    assert set(manifest.files) == {'model.onnx', 'weights.safetensors', TRT}
    assert 'times as fast as in float, less than 1000' in manifest.quality['int8'][CPU]['why not']
    assert manifest.precision == 'fp32'


def test_a_bundle_for_cpus_alone_has_no_network_for_tensorrt(
    bundle: str, data: str, tmp_path: Path
) -> None:
    target = tmp_path / 'int8'

    words = ['--least-speed', '0', '--cpu-only', '--held-out']
    assert main(['quantize', bundle, data, str(target), *words]) == 0

    manifest = open_bundle(target).manifest
    assert set(manifest.files) == {'model.onnx', 'weights.safetensors', CPU}
    assert list(manifest.quality['int8']) == [CPU]
    assert manifest.quality['int8'][CPU]['held out'] is True


@pytest.mark.parametrize(
    'options',
    [['--most-lost', '-200'], ['--least-speed', '1000', '--default']],
    ids=['none good enough', 'none to be the default'],
)
def test_nothing_is_written_when_no_network_will_do(
    bundle: str, data: str, tmp_path: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / 'int8'

    status = main(['quantize', bundle, data, str(target), *options])

    assert status == 1
    assert 'Nothing was written' in capsys.readouterr().err
    assert not target.exists()


def test_a_target_that_is_no_bundle_is_refused_before_any_work(
    bundle: str, data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(['quantize', bundle, data, data])

    assert status == 1
    captured = capsys.readouterr()
    assert 'is no bundle' in captured.err
    assert CPU not in captured.out
    assert (tmp_path / 'data' / 'taxonomy.yaml').exists()
