# SPDX-License-Identifier: Apache-2.0
"""Choosing an engine: by name, automatically, and what is said when it cannot be had."""

from __future__ import annotations

from dataclasses import replace
import sys
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from seg_node.engines.base import ScoreEngine
from seg_node.engines.fake_engine import bands, FakeEngine
from seg_node.engines.registry import engine_class, ENGINES, open_engine
from seg_node.errors import EngineError, EngineUnavailableError, TensorMismatchError
from seg_node.taxonomy import load_taxonomy
import tiny

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.bundle import Bundle

pytestmark = pytest.mark.needs_onnx


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return tiny.tiny_bundle(tmp_path / 'bundle')


def test_unknown_engine_lists_the_known_ones() -> None:
    with pytest.raises(EngineError, match='auto, fake, onnxruntime, openvino, tensorrt, torch'):
        engine_class('tensorflow')


@pytest.mark.needs_onnxruntime
def test_auto_takes_onnxruntime_and_says_why(bundle: Bundle) -> None:
    engine = open_engine('auto', bundle)

    assert engine.name == 'onnxruntime'
    assert engine.reason.startswith('auto: onnxruntime is the best engine on a CPU;')


@pytest.mark.parametrize('name', ['onnxruntime', 'auto'])
def test_absent_library_says_what_to_install(
    name: str, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    monkeypatch.delitem(sys.modules, 'seg_node.engines.onnx_engine', raising=False)

    with pytest.raises(EngineUnavailableError, match='pip install onnxruntime'):
        open_engine(name, bundle)


@pytest.mark.needs_onnxruntime
def test_a_file_that_is_no_network_is_a_clear_error(bundle: Bundle) -> None:
    bundle.onnx_path.write_bytes(b'not a network')

    with pytest.raises(EngineError, match=r'ONNX Runtime .* cannot load .*model\.onnx'):
        open_engine('onnxruntime', bundle)


@pytest.mark.needs_onnxruntime
def test_a_network_of_another_size_is_refused(tmp_path: Path) -> None:
    wrong = tiny.tiny_bundle(tmp_path / 'bundle')
    wrong.onnx_path.write_bytes(tiny.tiny_onnx((64, 64)))

    with pytest.raises(TensorMismatchError, match=r"48, 64.* got 'image' of shape .*64, 64"):
        open_engine('onnxruntime', wrong)


@pytest.mark.needs_onnxruntime
@pytest.mark.parametrize(
    'change',
    [
        {'taxonomy': load_taxonomy('camvid11')},
        {'output_stride': 4},
    ],
    ids=['classes', 'stride'],
)
def test_a_network_with_other_scores_is_refused_before_the_first_frame(
    bundle: Bundle, change: dict[str, Any]
) -> None:
    wrong = replace(bundle, manifest=replace(bundle.manifest, **change))

    with pytest.raises(TensorMismatchError, match=r"'scores'.* got .*\[3, 24, 32\]"):
        open_engine('onnxruntime', wrong)


@pytest.mark.needs_onnxruntime
def test_a_network_without_our_output_is_refused(bundle: Bundle) -> None:
    network = bundle.onnx_path.read_bytes().replace(b'scores', b'logits')
    bundle.onnx_path.write_bytes(network)

    with pytest.raises(TensorMismatchError, match=r"'scores': expected one .* got none"):
        open_engine('onnxruntime', bundle)


def test_scores_of_another_shape_are_refused(bundle: Bundle) -> None:
    engine = FakeEngine(bundle, lambda batch: np.zeros((len(batch), 2, 24, 32), np.float32))

    with engine, pytest.raises(TensorMismatchError, match=r"'scores': expected \(1, 3, 24, 32\)"):
        engine.infer(np.zeros((1, 3, *tiny.SIZE), np.float32))


def test_fake_engine_answers_with_bands_of_each_class(bundle: Bundle) -> None:
    with open_engine('fake', bundle) as engine:
        assert isinstance(engine, ScoreEngine)
        scores = engine.infer(np.zeros((2, 3, *tiny.SIZE), np.float32))

    winners = scores.argmax(axis=1)
    assert winners[:, :, 0].tolist() == [[0] * 8 + [1] * 8 + [2] * 8] * 2
    assert np.array_equal(scores[1], bands(3, (24, 32)))


@pytest.mark.needs_onnxruntime
def test_every_engine_name_matches_its_class() -> None:
    for name in ENGINES:
        if name != 'torch':
            assert engine_class(name).name == name


@pytest.mark.parametrize(('classes', 'height'), [(2, 4), (3, 24), (19, 180), (11, 45)])
def test_bands_are_won_by_one_class_after_the_other(classes: int, height: int) -> None:
    scores = bands(classes, (height, 5))

    winners = scores.argmax(axis=0)

    assert scores.shape == (classes, height, 5)
    assert np.array_equal(np.unique(winners), np.arange(classes))
    assert (np.diff(winners, axis=0) >= 0).all()
    assert (winners == winners[:, :1]).all()
