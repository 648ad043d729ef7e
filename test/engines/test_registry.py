# SPDX-License-Identifier: Apache-2.0
"""Choosing an engine: by name, automatically, and what is said when it cannot be had."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.engines.fake_engine import bands, FakeEngine
from seg_node.engines.registry import engine_class, ENGINES, open_engine
from seg_node.errors import EngineError, EngineUnavailableError, TensorMismatchError
import tiny

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.bundle import Bundle

pytestmark = pytest.mark.needs_onnx


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return tiny.tiny_bundle(tmp_path / 'bundle')


def test_unknown_engine_lists_the_known_ones() -> None:
    with pytest.raises(EngineError, match='auto, fake, onnxruntime, torch'):
        engine_class('tensorflow')


@pytest.mark.needs_onnxruntime
def test_auto_takes_onnxruntime_and_says_why(bundle: Bundle) -> None:
    engine = open_engine('auto', bundle)

    assert engine.name == 'onnxruntime'
    assert engine.reason == 'auto: onnxruntime is the best engine that works here.'


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

    with pytest.raises(TensorMismatchError, match=r'48, 64.* got inputs .*64, 64'):
        open_engine('onnxruntime', wrong)


def test_scores_of_another_shape_are_refused(bundle: Bundle) -> None:
    engine = FakeEngine(bundle, lambda batch: np.zeros((len(batch), 2, 24, 32), np.float32))

    with engine, pytest.raises(TensorMismatchError, match=r"'scores': expected \(1, 3, 24, 32\)"):
        engine.infer(np.zeros((1, 3, *tiny.SIZE), np.float32))


def test_fake_engine_answers_with_bands_of_each_class(bundle: Bundle) -> None:
    with open_engine('fake', bundle) as engine:
        scores = engine.infer(np.zeros((2, 3, *tiny.SIZE), np.float32))

    winners = scores.argmax(axis=1)
    assert winners[:, :, 0].tolist() == [[0] * 8 + [1] * 8 + [2] * 8] * 2
    assert np.array_equal(scores[1], bands(3, (24, 32)))


def test_every_engine_name_matches_its_class() -> None:
    for name in ENGINES:
        if name != 'torch':
            assert engine_class(name).name == name
