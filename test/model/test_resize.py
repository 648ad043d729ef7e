# SPDX-License-Identifier: Apache-2.0
"""The same weights for another input: what is computed, what is kept, what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from seg_node.bundle import write_bundle
from seg_node.cli.main import main
from seg_node.engines.base import ScoreEngine
from seg_node.engines.registry import open_engine
from seg_node.errors import BundleError, ExportError
from seg_node.model import build
from seg_node.model.build import build_network
from seg_node.model.config import NetConfig
from seg_node.model.resize import resize_bundle
from seg_node.model.weights import save_weights
import tiny

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.bundle import Bundle
    from seg_node.imaging import InputSpec

    Images = Callable[[InputSpec], list[npt.NDArray[np.float32]]]

pytestmark = [pytest.mark.needs_torch, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

CONFIG = NetConfig('lite0', 3)


def noise(spec: InputSpec) -> list[npt.NDArray[np.float32]]:
    shape = 1, 3, spec.height, spec.width
    return [np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)]


@pytest.fixture(scope='module', autouse=True)
def _thinned_out() -> Iterator[None]:
    """Take one block of each stage, which is exported in half the time."""
    stages = tuple(replace(stage, blocks=1) for stage in build.LITE0_STAGES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, 'LITE0_STAGES', stages)
        yield


@pytest.fixture(scope='module')
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Return a bundle of random weights for 64 x 96."""
    torch.manual_seed(0)
    manifest = replace(
        tiny.tiny_manifest((64, 96), 'small'),
        architecture=CONFIG.to_dict(),
        temperature=1.5,
        drivable_threshold=0.75,
        quality={'val': {'mean_iou': 0.5}, 'int8': {'lost': 0.1}},
    )
    folder = tmp_path_factory.mktemp('original')
    files = {name: folder / name for name in ('model.onnx', 'weights.safetensors')}
    files['model.onnx'].write_bytes(tiny.tiny_onnx())  # which nobody reads
    save_weights(build_network(CONFIG), files['weights.safetensors'])
    return write_bundle(folder / 'bundle', manifest, files)


@pytest.mark.parametrize('stride', [2, 4])
def test_coarser_scores_are_means_of_the_finer_ones(stride: int) -> None:
    network = build_network(CONFIG).eval()
    images = torch.from_numpy(noise(tiny.tiny_manifest((64, 96)).input)[0])
    with torch.no_grad():
        fine = network(images).numpy()
        network.coarsen(stride)
        coarse = network(images).numpy()

    block = stride // 2
    height, width = fine.shape[2] // block, fine.shape[3] // block
    means = fine.reshape(1, 3, height, block, width, block).mean(axis=(3, 5))
    np.testing.assert_allclose(coarse, means, atol=1e-5)
    assert network.output_stride == stride


def test_coarsening_twice_is_coarsening_from_the_start() -> None:
    network = build_network(CONFIG)

    network.coarsen(4)
    network.coarsen(4)
    assert (network.output_stride, network._block) == (4, 2)
    network.coarsen(2)
    assert (network.output_stride, network._block) == (2, 1)


@pytest.mark.parametrize('stride', [1, 3])
def test_a_stride_that_the_network_cannot_have_is_refused(stride: int) -> None:
    with pytest.raises(ValueError, match='no multiple'):
        build_network(CONFIG).coarsen(stride)


@pytest.fixture(scope='module')
def resized(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Return the same weights for 32 x 128 and one score per 4 x 4 pixels."""
    folder = tmp_path_factory.mktemp('resize') / 'made'
    return resize_bundle(bundle, folder, noise, size=(32, 128), stride=4)


def test_a_resized_bundle_runs_alike_on_torch_and_onnxruntime(resized: Bundle) -> None:
    (batch,) = noise(resized.manifest.input)
    scores = []
    for name in ('torch', 'onnxruntime'):
        with open_engine(name, resized, on_cpu=True) as engine:
            assert isinstance(engine, ScoreEngine)
            scores.append(engine.infer(batch))

    assert scores[0].shape == (1, 3, 8, 32)
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-4)


def test_manifest_keeps_what_holds_and_says_what_it_is_of(resized: Bundle) -> None:
    made = resized.manifest

    assert made.name == 'small-32x128-stride4'
    assert (made.input.height, made.input.width, made.output_stride) == (32, 128, 4)
    assert (made.temperature, made.drivable_threshold, made.precision) == (1.5, 0.75, 'fp32')
    (words,) = set(made.quality) - {'export'}
    assert words == 'measured at 64 x 96, stride 2, as were temperature and threshold'
    assert made.quality[words] == {'val': {'mean_iou': 0.5}}
    assert set(made.files) == {'model.onnx', 'weights.safetensors'}


@pytest.mark.parametrize(
    ('size', 'stride', 'words'),
    [
        ((30, 64), None, "'small' cannot be resized: Input height is 30; expected a multiple"),
        (None, 1, "'small' cannot be resized: Scores come at stride 2; 1 is no multiple"),
    ],
)
def test_what_cannot_be_is_refused(
    bundle: Bundle, tmp_path: Path, size: tuple[int, int] | None, stride: int | None, words: str
) -> None:
    with pytest.raises(ExportError, match=words):
        resize_bundle(bundle, tmp_path / 'made', noise, size=size, stride=stride)
    assert not (tmp_path / 'made').exists()


def test_a_bundle_without_weights_says_so(bundle: Bundle, tmp_path: Path) -> None:
    bare = write_bundle(tmp_path / 'bare', bundle.manifest, {'model.onnx': bundle.onnx_path})

    with pytest.raises(BundleError, match=r'has no weights\.safetensors'):
        resize_bundle(bare, tmp_path / 'made', noise, size=(32, 64))


def test_torch_refuses_a_manifest_with_a_finer_stride_than_the_network(bundle: Bundle) -> None:
    wrong = replace(bundle, manifest=replace(bundle.manifest, output_stride=1))

    with pytest.raises(BundleError, match=r'disagree: Scores come at stride 2.*seg export'):
        open_engine('torch', wrong, on_cpu=True)


def test_command_hands_its_words_on_with_scenes_of_the_new_size(
    bundle: Bundle,
    resized: Bundle,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = tmp_path / 'made'
    asked: list[tuple[object, ...]] = []

    def resize(source: Bundle, folder: Path, images: Images, **how: object) -> Bundle:
        spec = replace(source.manifest.input, height=32, width=64)
        asked.append((source.path, folder, [one.shape for one in images(spec)], how))
        return resized

    monkeypatch.setattr('seg_node.model.resize.resize_bundle', resize)
    status = main(['resize', str(bundle.path), str(target), '--size', '32x64', '--stride', '4'])

    printed = capsys.readouterr()
    assert (status, printed.out.strip()) == (0, str(resized.path)), printed.err
    assert 'labels of 1 procedural scenes' in printed.err
    how = {'size': (32, 64), 'stride': 4}
    assert asked == [(bundle.path, target, [(1, 3, 32, 64)] * 4, how)]
