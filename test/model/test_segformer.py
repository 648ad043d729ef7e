# SPDX-License-Identifier: Apache-2.0
"""SegFormer of transformers: built small, trained, exported, and loaded from a folder."""

from __future__ import annotations

from dataclasses import replace
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from seg_node.engines.onnx_engine import OnnxEngine
from seg_node.engines.torch_engine import TorchEngine
from seg_node.errors import BundleError
from seg_node.model import segformer
from seg_node.model.build import build_network
from seg_node.model.config import FAMILIES, IMAGENET_MEAN, NetConfig
from seg_node.model.export import export_bundle
from seg_node.model.segformer import Size, SIZES
from seg_node.model.weights import load_pretrained
import tiny

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.model.network import SegNet

HEIGHT, WIDTH = 64, 96
TINY = Size(depths=(1, 1, 1, 1), widths=(8, 16, 40, 64), decoder=16)


@pytest.fixture
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the smallest size smaller still."""
    monkeypatch.setitem(segformer.SIZES, 'segformer-b0', TINY)


def network(seed: int, classes: int = 3) -> SegNet:
    torch.manual_seed(seed)
    return build_network(NetConfig('segformer-b0', classes)).eval()


def test_all_sizes_are_families_with_the_normalisation_of_imagenet() -> None:
    assert {name for name in FAMILIES if name.startswith('segformer')} == set(SIZES)
    assert NetConfig('segformer-b0', 3).mean == IMAGENET_MEAN


def test_absent_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'transformers', None)

    with pytest.raises(BundleError, match=r'pip install .seg_node\[segformer\]'):
        network(0)


@pytest.mark.needs_transformers
@pytest.mark.slow
@pytest.mark.usefixtures('_tiny')
def test_bundle_of_a_segformer_runs_on_torch_as_on_onnxruntime(tmp_path: Path) -> None:
    config = NetConfig('segformer-b0', 3)
    manifest = tiny.tiny_manifest((HEIGHT, WIDTH))
    manifest = replace(manifest, architecture=config.to_dict())
    rng = np.random.default_rng(0)
    images = [rng.uniform(0, 255, (1, 3, HEIGHT, WIDTH)).astype(np.float32) for _ in range(2)]

    bundle = export_bundle(network(0), manifest, tmp_path / 'bundle', images)

    batch = np.concatenate(images)
    with TorchEngine(bundle) as engine, OnnxEngine(bundle) as other:
        scores, expected = engine.infer(batch), other.infer(batch)
    assert scores.shape == (2, 3, HEIGHT // 4, WIDTH // 4)
    assert np.allclose(scores, expected, atol=1e-4)
    assert bundle.manifest.quality['export']['equal_labels'] >= 0.9999
    assert bundle.manifest.output_stride == 4


@pytest.mark.needs_transformers
@pytest.mark.slow
@pytest.mark.usefixtures('_tiny')
def test_segformer_learns() -> None:
    model = network(0).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    images = torch.zeros(2, 3, 32, 32)
    images[..., 16:] = 255.0
    truth = (images[:, 0, ::4, ::4] > 0).long()

    losses = []
    for _ in range(8):
        loss = torch.nn.functional.cross_entropy(model(images), truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))

    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.needs_transformers
@pytest.mark.slow
@pytest.mark.usefixtures('_tiny')
@pytest.mark.parametrize('classes', [3, 7])
def test_checkpoints_of_transformers_load_from_a_folder(tmp_path: Path, classes: int) -> None:
    transformers = pytest.importorskip('transformers')
    config = transformers.SegformerConfig(
        num_labels=classes,
        depths=list(TINY.depths),
        hidden_sizes=list(TINY.widths),
        decoder_hidden_size=TINY.decoder,
    )
    trained = transformers.SegformerForSemanticSegmentation(config).eval()
    trained.save_pretrained(tmp_path / 'hub')
    model = network(1)

    report = load_pretrained(model, str(tmp_path / 'hub'))

    assert (report.missing, report.unexpected) == ((), ())
    assert len(report.mismatched) == (0 if classes == 3 else 2)
    if classes == 3:
        images = torch.rand(1, 3, 64, 64) * 255
        normal = (images - model.mean) / model.std
        with torch.no_grad():
            expected = trained(pixel_values=normal).logits
            assert torch.allclose(model(images), expected, atol=1e-5)


@pytest.mark.needs_transformers
@pytest.mark.slow
def test_folders_with_something_else_are_refused(tmp_path: Path) -> None:
    (tmp_path / 'config.json').write_text('{}')

    with pytest.raises(BundleError, match='holds no SegFormer'):
        load_pretrained(network(1), str(tmp_path))
