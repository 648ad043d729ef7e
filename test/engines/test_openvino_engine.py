# SPDX-License-Identifier: Apache-2.0
"""What OpenVINO does beyond the contract of all engines: threads, arithmetic, and no telemetry."""

from __future__ import annotations

from dataclasses import replace
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.bundle import open_bundle
from seg_node.datasets import open_dataset
from seg_node.engines.base import ScoreEngine
from seg_node.engines.registry import engine_class, open_engine
from seg_node.errors import EngineError, EngineUnavailableError, TensorMismatchError
from seg_node.imaging import Fitter
import tiny

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.bundle import Bundle

needs_openvino = pytest.mark.needs_openvino
pytestmark = pytest.mark.needs_onnx

ALONE = """
import sys
import numpy as np
from seg_node.pipeline import open_segmenter

with open_segmenter(sys.argv[1], 'openvino') as segmenter:
    assert segmenter(np.zeros((48, 64, 3), np.uint8)).labels.shape == (48, 64)
print([name for name in sys.modules if 'telemetry' in name])
"""


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return tiny.tiny_bundle(tmp_path / 'bundle')


def scores_of(engine: str, precision: str) -> npt.NDArray[np.float32]:
    """Return what an engine says of a street with the network that comes with the package."""
    found = open_bundle('default')
    street = open_dataset('procedural:1', 'val', 'cityscapes19')[0].image
    batch, _ = Fitter(found.manifest.input)(street)
    with open_engine(engine, found, precision=precision) as opened:
        assert isinstance(opened, ScoreEngine)
        return opened.infer(batch)


@needs_openvino
@pytest.mark.needs_onnxruntime
def test_scores_in_float_are_those_of_onnxruntime() -> None:
    got, expected = (scores_of(engine, 'fp32') for engine in ('openvino', 'onnxruntime'))

    np.testing.assert_allclose(got, expected, atol=1e-3)
    assert (got.argmax(1) == expected.argmax(1)).mean() > 0.9999


@needs_openvino
@pytest.mark.needs_onnxruntime
def test_network_in_integers_says_nearly_what_the_one_in_float_says() -> None:
    got, expected = (scores_of('openvino', precision) for precision in ('int8', 'fp32'))

    assert (got.argmax(1) == expected.argmax(1)).mean() > 0.97
    assert not np.array_equal(got, expected)


@needs_openvino
@pytest.mark.parametrize('threads', [1, 2])
def test_no_more_threads_than_allowed(bundle: Bundle, threads: int) -> None:
    with open_engine('openvino', bundle, threads=threads) as engine:
        compiled = engine._request.get_compiled_model()  # type: ignore[attr-defined]

        assert compiled.get_property('INFERENCE_NUM_THREADS') == threads
        assert compiled.get_property('NUM_STREAMS') == 1
        assert compiled.get_property('ENABLE_CPU_PINNING') is False
        assert compiled.get_property('INFERENCE_PRECISION_HINT').get_type_name() == 'f32'


@needs_openvino
def test_nothing_is_sent_anywhere_and_nothing_written_at_home(
    bundle: Bundle, tmp_path: Path
) -> None:
    home = tmp_path / 'home'
    home.mkdir()
    done = subprocess.run(
        [sys.executable, '-c', ALONE, str(bundle.path)],
        env={**os.environ, 'HOME': str(home)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, '[]\n'), done.stderr
    assert list(home.iterdir()) == []


@needs_openvino
def test_a_file_that_is_no_network_is_a_clear_error(bundle: Bundle) -> None:
    bundle.onnx_path.write_bytes(b'not a network')

    with pytest.raises(EngineError, match=r'OpenVINO .* cannot load .*model\.onnx.*onnxruntime'):
        open_engine('openvino', bundle)


@needs_openvino
def test_a_network_of_another_size_is_refused(bundle: Bundle) -> None:
    bundle.onnx_path.write_bytes(tiny.tiny_onnx((64, 64)))

    with pytest.raises(TensorMismatchError, match=r"48, 64.* got 'image' of shape .*64, 64"):
        open_engine('openvino', bundle)


@needs_openvino
def test_a_network_with_other_scores_is_refused(bundle: Bundle) -> None:
    wrong = replace(bundle, manifest=replace(bundle.manifest, output_stride=4))

    with pytest.raises(TensorMismatchError, match=r"'scores'.* got .*\[3, 24, 32\]"):
        open_engine('openvino', wrong)


@needs_openvino
def test_compiled_networks_are_kept_where_the_user_says_and_nowhere_else(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / 'cache'
    batch = np.zeros((1, 3, *tiny.SIZE), np.float32)
    scores = []
    for chosen in ('', str(folder), str(folder)):
        monkeypatch.setenv('SEG_NODE_OPENVINO_CACHE', chosen)
        with open_engine('openvino', bundle) as engine:
            assert isinstance(engine, ScoreEngine)
            scores.append(engine.infer(batch))
        assert folder.exists() == bool(chosen)

    assert list(folder.glob('*.blob'))
    assert folder.stat().st_mode & 0o077 == 0
    assert all(np.array_equal(one, scores[0]) for one in scores)


@needs_openvino
def test_a_damaged_cache_does_no_harm(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('SEG_NODE_OPENVINO_CACHE', str(tmp_path / 'cache'))
    open_engine('openvino', bundle).close()
    (blob,) = (tmp_path / 'cache').glob('*.blob')
    blob.chmod(0o600)
    blob.write_bytes(blob.read_bytes()[:100])

    with open_engine('openvino', bundle) as engine:
        assert isinstance(engine, ScoreEngine)
        assert engine.infer(np.zeros((1, 3, *tiny.SIZE), np.float32)).shape == (1, 3, 24, 32)


@needs_openvino
def test_a_cache_that_others_may_write_to_is_refused(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o777)
    monkeypatch.setenv('SEG_NODE_OPENVINO_CACHE', str(tmp_path))

    with pytest.raises(EngineError, match=r'other users may write to it .*chmod 700'):
        open_engine('openvino', bundle)


@needs_openvino
def test_a_cache_of_another_user_is_refused(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It belongs to the one who runs the tests; the process is somebody else."""
    tmp_path.chmod(0o755)
    if os.getuid() == 0:
        os.chown(tmp_path, 1, 1)
    monkeypatch.setenv('SEG_NODE_OPENVINO_CACHE', str(tmp_path))
    monkeypatch.setattr(os, 'geteuid', lambda: 4711)

    with pytest.raises(EngineError, match=r'other users may write .*owner .*_OPENVINO_CACHE'):
        open_engine('openvino', bundle)


@needs_openvino
def test_a_cache_that_cannot_be_made_is_refused(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'file').touch()
    monkeypatch.setenv('SEG_NODE_OPENVINO_CACHE', str(tmp_path / 'file' / 'cache'))

    with pytest.raises(EngineError, match=r'cannot be used: Not a directory\. Name another'):
        open_engine('openvino', bundle)


def test_absent_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'openvino', None)
    monkeypatch.delitem(sys.modules, 'seg_node.engines.openvino_engine', raising=False)

    with pytest.raises(EngineUnavailableError, match='pip install openvino'):
        engine_class('openvino')
