# SPDX-License-Identifier: Apache-2.0
"""Which arithmetic an engine uses: asked for, or what the bundle says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.bundle import open_bundle, write_bundle
from seg_node.engines.base import ScoreEngine
from seg_node.engines.registry import open_engine, precision_offline
from seg_node.errors import BundleError, EngineError
from seg_node.pipeline import open_segmenter
import tiny

if TYPE_CHECKING:
    from seg_node.bundle import Bundle

pytestmark = [pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

INT8 = 'model.int8.cpu.onnx'


def bundle_with_int8(folder: Path, precision: str) -> Bundle:
    """Write the tiny bundle with a second network, whose file alone tells it from the first."""
    plain = tiny.tiny_bundle(folder / 'plain')
    files = dict.fromkeys(('model.onnx', INT8), plain.onnx_path)
    return write_bundle(folder / 'both', replace(plain.manifest, precision=precision), files)


@pytest.mark.parametrize(
    ('manifest', 'asked', 'expected'),
    [
        ('fp32', 'auto', 'fp32'),
        ('int8', 'auto', 'int8'),
        ('int8', 'fp32', 'fp32'),
        ('fp32', 'int8', 'int8'),
    ],
)
def test_auto_takes_what_the_bundle_says(
    tmp_path: Path, manifest: str, asked: str, expected: str
) -> None:
    bundle = bundle_with_int8(tmp_path, manifest)
    unused = bundle.onnx_path if expected == 'int8' else bundle.path / INT8
    unused.unlink()  # the engine reads the other one, or fails

    with open_engine('onnxruntime', bundle, precision=asked) as engine:
        assert isinstance(engine, ScoreEngine)
        scores = engine.infer(np.zeros((1, 3, *tiny.SIZE), np.float32))

    assert engine.precision == expected
    assert scores.shape == (1, 3, 24, 32)


@pytest.mark.parametrize('name', ['auto', 'onnxruntime', 'fake'])
@pytest.mark.parametrize('says', ['fp32', 'int8'])
def test_auto_can_be_asked_for_by_its_name(tmp_path: Path, name: str, says: str) -> None:
    bundle = bundle_with_int8(tmp_path, says)

    with open_engine(name, bundle) as engine:
        assert precision_offline(name, bundle) == engine.precision == says


def test_best_engine_takes_the_precision_that_is_asked_for(tmp_path: Path) -> None:
    bundle = bundle_with_int8(tmp_path, 'fp32')

    with open_segmenter(bundle.path, precision='int8') as segmenter:
        assert segmenter.engine.precision == 'int8'
        assert segmenter.engine.reason.startswith('auto')


def test_int8_of_a_bundle_without_such_a_network_says_how_to_make_one(tmp_path: Path) -> None:
    bundle = tiny.tiny_bundle(tmp_path / 'bundle')

    with pytest.raises(BundleError, match=r'has no model\.int8\.cpu\.onnx.*seg quantize'):
        open_engine('onnxruntime', bundle, precision='int8')


@pytest.mark.needs_torch
def test_engine_without_int8_refuses_it_and_takes_fp32_by_itself() -> None:
    bundle = open_bundle(Path(__file__).parents[2] / 'bundles' / 'procedural')
    int8 = replace(bundle, manifest=replace(bundle.manifest, precision='int8'))

    with pytest.raises(EngineError, match="precision of engine 'torch': 'int8'; expected one of"):
        open_engine('torch', bundle, precision='int8')

    with open_engine('torch', int8) as engine:
        assert engine.precision == 'fp32'
