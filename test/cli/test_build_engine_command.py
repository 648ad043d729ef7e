# SPDX-License-Identifier: Apache-2.0
"""``seg build-engine`` with NVIDIA's own builder (TensorRT for RTX, which needs no GPU)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seg_node.cli.main import main
from seg_node.engines.tensorrt.builder import BuildOptions
from seg_node.engines.tensorrt.engine_cache import EngineCache
from seg_node.engines.tensorrt.files import EngineFiles
from seg_node.engines.tensorrt.library import find_library
from seg_node.engines.tensorrt.session import TensorRTOptions
from seg_node.errors import EngineUnavailableError
import tiny

if TYPE_CHECKING:
    from seg_node.bundle import Bundle

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_cuda_python,
    pytest.mark.needs_tensorrt_rtx,
]


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return tiny.tiny_bundle(tmp_path / 'bundle')


@pytest.fixture
def words(bundle: Bundle, tmp_path: Path) -> list[str]:
    """Return the command without a size."""
    options = ['--library', 'tensorrt_rtx', '--cache', str(tmp_path / 'cache')]
    return ['build-engine', str(bundle.path), *options]


@pytest.mark.parametrize('precision', ['fp32', 'fp16'])
def test_an_engine_is_built_with_progress_and_kept(
    words: list[str], precision: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [*words, '--size', '160x120', '--precision', precision]
    assert main(command) == 0
    first = capsys.readouterr()
    assert main(command) == 0
    second = capsys.readouterr()

    path = Path(first.out.strip())
    assert path.read_bytes().startswith(b'vtrt')
    assert '100%' in first.err
    assert f'tiny in {precision}: built in' in first.err
    assert second.out == first.out
    assert second.err.startswith(f'tiny in {precision}: was there')


def test_it_is_the_engine_that_the_node_looks_for(
    words: list[str], bundle: Bundle, tmp_path: Path
) -> None:
    assert main([*words, '--size', '160x120']) == 0

    files = EngineFiles(find_library('tensorrt_rtx'), None, cache=EngineCache(tmp_path / 'cache'))
    assert files.has(bundle, TensorRTOptions(image_size=(120, 160)).spec('fp16'))
    assert not files.has(bundle, TensorRTOptions(image_size=(160, 120)).spec('fp16'))


@pytest.mark.parametrize(
    'more',
    [
        ['--size', '160x120', '--batch', '1,2,4'],
        ['--size', '160x120', '--batch', '2', '--planes', 'lava,water'],
        ['--size', '160x120', '--no-scores', '--workspace', '64'],
        ['--sizes', '80x64,160x120,320x240'],
    ],
)
def test_choices_of_sizes_batch_and_outputs_are_built(words: list[str], more: list[str]) -> None:
    assert main([*words, *more]) == 0


def test_another_range_makes_another_engine_of_the_same_graph(
    words: list[str], bundle: Bundle, tmp_path: Path
) -> None:
    assert main([*words, '--size', '160x120', '--batch', '1,2,4']) == 0

    def has(*batch: int) -> bool:
        fewest, usual, most = batch
        options = TensorRTOptions(image_size=(120, 160), batch=(fewest, usual, most))
        return files.has(bundle, options.spec('fp16'))

    library, cache = find_library('tensorrt_rtx'), EngineCache(tmp_path / 'cache')
    files = EngineFiles(library, None, cache=cache)
    assert has(1, 2, 4)
    assert not has(1, 4, 4)


def test_a_workspace_makes_another_engine(
    words: list[str], bundle: Bundle, tmp_path: Path
) -> None:
    assert main([*words, '--size', '160x120', '--workspace', '64']) == 0

    spec = TensorRTOptions(image_size=(120, 160)).spec('fp16')
    library, cache = find_library('tensorrt_rtx'), EngineCache(tmp_path / 'cache')
    small = EngineFiles(library, None, cache=cache, options=BuildOptions(workspace_mib=64))
    assert small.has(bundle, spec)
    assert not EngineFiles(library, None, cache=cache).has(bundle, spec)


def test_an_engine_that_cannot_be_kept_is_an_error(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / 'cache').touch()

    assert main([*words, '--size', '160x120']) == 1
    assert 'cannot be kept' in capsys.readouterr().err


def test_a_bundle_without_int8_says_how_to_make_it(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, '--size', '160x120', '--precision', 'int8']) == 1
    assert 'seg quantize' in capsys.readouterr().err


def test_the_full_library_needs_a_gpu(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only what the command asks of it is here: whether it is portable."""
    monkeypatch.setattr(
        'seg_node.engines.tensorrt.library.TensorRTLibrary.is_portable',
        property(lambda _: False),
    )
    monkeypatch.setattr('seg_node.cli.build_engine_command.CudaDevice', _absent)

    assert main([*words, '--size', '160x120']) == 1
    assert 'no GPU 0' in capsys.readouterr().err


def _absent(index: int) -> None:
    msg = f'There is no GPU {index}.'
    raise EngineUnavailableError(msg)


@pytest.mark.parametrize(
    ('more', 'reason'),
    [
        ([], 'one of the arguments --size --sizes is required'),
        (['--size', '160'], "'160' is no size"),
        (['--sizes', '80x64,160x120'], 'is no range'),
        (['--size', '160x120', '--batch', '1,2'], "'1,2' is no batch"),
        (['--size', '160x120', '--batch', 'all'], 'whole number of at least 1'),
    ],
)
def test_malformed_values_are_wrong_usage(
    words: list[str], more: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*words, *more])

    assert ended.value.code == 2
    assert reason in capsys.readouterr().err


def test_an_unknown_class_is_one_sentence(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, '--size', '160x120', '--planes', 'zebra']) == 1
    assert "'zebra'; expected one of green road, lava, water" in capsys.readouterr().err
