# SPDX-License-Identifier: Apache-2.0
"""NVIDIA's own parser and builder (TensorRT for RTX, which needs no GPU) at work."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip('onnx')

from onnx import helper, TensorProto

from seg_node.engines.tensorrt.builder import _refusal, build_engine, BuildOptions, BuildProgress
from seg_node.engines.tensorrt.library import find_library, Messages, TensorRTLibrary
from seg_node.errors import DeviceError, EngineError, TensorMismatchError
from small_engine import PROFILE, small_onnx, TENSORS

pytestmark = [pytest.mark.needs_onnx, pytest.mark.needs_tensorrt_rtx]


@pytest.fixture(scope='module')
def library() -> TensorRTLibrary:
    return find_library('tensorrt_rtx')


def test_an_engine_is_built_for_a_range_of_batches(library: TensorRTLibrary) -> None:
    engine = build_engine(library, small_onnx(), TENSORS, profile=PROFILE)

    assert engine.startswith(b'vtrt')
    assert int.from_bytes(engine[16:24], 'little') == len(engine)  # its header says how long it is


def test_the_same_graph_gives_the_same_engine(library: TensorRTLibrary) -> None:
    first = build_engine(library, small_onnx(), TENSORS, profile=PROFILE)
    second = build_engine(library, small_onnx(), TENSORS, profile=PROFILE)

    assert first == second


def test_progress_rises_from_0_to_1_and_names_what_goes_on(library: TensorRTLibrary) -> None:
    seen: list[tuple[float, str]] = []

    build_engine(
        library,
        small_onnx(),
        TENSORS,
        profile=PROFILE,
        on_progress=lambda share, phase: seen.append((share, phase)),
    )

    shares = [share for share, _ in seen]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == 1
    assert len(set(shares)) > 10
    assert 'Building engine' in {phase for _, phase in seen}


def test_an_exception_in_the_progress_ends_the_build_and_comes_out(
    library: TensorRTLibrary,
) -> None:
    def stop(share: float, phase: str) -> None:
        if share > 0.3:
            raise KeyboardInterrupt(phase)

    with pytest.raises(KeyboardInterrupt):
        build_engine(library, small_onnx(), TENSORS, profile=PROFILE, on_progress=stop)


def test_a_refused_node_is_named_with_the_reason(library: TensorRTLibrary) -> None:
    nodes = [
        helper.make_node('Transpose', ['image'], ['turned'], perm=[0, 3, 1, 2], name='too early'),
        helper.make_node('Resize', ['turned', '', 'factors'], ['labels'], name='small'),
    ]
    graph = helper.make_graph(
        nodes,
        'uint8 before its Cast',
        [helper.make_tensor_value_info('image', TensorProto.UINT8, [1, 32, 64, 3])],
        [helper.make_tensor_value_info('labels', TensorProto.UINT8, [1, 3, 16, 32])],
        [helper.make_tensor('factors', TensorProto.FLOAT, [4], [1.0, 1.0, 0.5, 0.5])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)

    with pytest.raises(
        EngineError, match=r'cannot read the network: .*too early.* type UInt8 but'
    ):
        build_engine(library, model.SerializeToString(), TENSORS)


def test_bytes_that_are_no_graph_are_refused(library: TensorRTLibrary) -> None:
    with pytest.raises(EngineError, match='Failed to parse the ONNX model'):
        build_engine(library, b'no graph', TENSORS)


@pytest.mark.parametrize(
    ('tensors', 'words'),
    [
        ((TENSORS[0], replace(TENSORS[1], name='mask')), "'mask'.* got none"),
        (TENSORS[:1], "'labels': expected none of that name, got output uint8"),
        ((TENSORS[0], replace(TENSORS[1], dtype='int32')), 'expected output int32 .* got .*uint8'),
        ((replace(TENSORS[0], shape=(1, 32, 64, 3)), TENSORS[1]), r'\(1, .* got input .*any'),
        ((replace(TENSORS[0], shape=(-1, 48, 64, 3)), TENSORS[1]), r'48, 64, 3\), got input .*32'),
    ],
)
def test_a_graph_with_other_tensors_is_refused_before_it_is_built(
    library: TensorRTLibrary, tensors: Any, words: str
) -> None:
    with pytest.raises(TensorMismatchError, match=words):
        build_engine(library, small_onnx(), tensors, profile=PROFILE)


def test_a_graph_of_any_batch_without_a_profile_is_refused_by_the_library(
    library: TensorRTLibrary,
) -> None:
    with pytest.raises(EngineError, match=r'could not build the engine: .*profile'):
        build_engine(library, small_onnx(), TENSORS)


def test_shapes_in_the_wrong_order_are_refused(library: TensorRTLibrary) -> None:
    least, _, largest = PROFILE['image']

    with pytest.raises(EngineError, match='no valid profile'):
        build_engine(library, small_onnx(), TENSORS, profile={'image': (largest, largest, least)})


def test_a_limit_of_the_workspace_is_taken(library: TensorRTLibrary) -> None:
    options = BuildOptions(workspace_mib=64)

    assert build_engine(library, small_onnx(), TENSORS, profile=PROFILE, options=options)


def test_nested_phases_count_within_the_step_of_their_parent() -> None:
    seen: list[float] = []
    progress = BuildProgress(lambda share, _: seen.append(share))

    progress.start('all', None, 2)
    progress.step('all')
    progress.start('part', 'all', 4)
    progress.step('part')
    progress.step('part')

    assert seen == [0, 0.5, 0.5, 0.625, 0.75]


def test_the_network_is_created_with_the_flags_of_the_library(
    library: TensorRTLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As TensorRT 10.x the same module is asked for strong types; its own flag has the value 0."""
    asked: list[int] = []

    real = library.module.Builder

    class Builder:
        """The real one, overheard."""

        def __init__(self, log: Any) -> None:
            self._builder = real(log)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._builder, name)

        def create_network(self, flags: int) -> Any:
            asked.append(flags)
            return self._builder.create_network(flags)

    monkeypatch.setattr(library.module, 'Builder', Builder)
    as_ten = TensorRTLibrary(library.module, 'tensorrt', '10.16.1.11')

    build_engine(library, small_onnx(), TENSORS, profile=PROFILE)
    build_engine(as_ten, small_onnx(), TENSORS, profile=PROFILE)

    assert asked == [0, 1]


def test_lack_of_memory_is_told_from_other_failures() -> None:
    full, broken = Messages(), Messages()

    full.add('ERROR', 'Error Code 2: OutOfMemory (Requested size was 4096 bytes.)')
    broken.add('ERROR', 'Error Code 10: Internal Error (Could not find any implementation)')
    broken.add('WARNING', 'out of memory is what one should beware of')

    assert full.lacks_memory
    assert not broken.lacks_memory


def test_a_builder_without_its_gpu_is_a_failure_of_the_device(
    library: TensorRTLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bindings of TensorRT 10 and 11 raise TypeError there; RTX needs no GPU."""

    def no_builder(log: Any) -> Any:
        log.log(library.module.ILogger.Severity.ERROR, 'CUDA initialization failure')
        raise TypeError

    monkeypatch.setattr(library.module, 'Builder', no_builder)

    with pytest.raises(DeviceError, match=r'CUDA initialization failure.* needs the GPU'):
        build_engine(library, small_onnx(), TENSORS, profile=PROFILE)


def test_parser_that_names_no_node_is_explained_by_the_log() -> None:
    messages = Messages()
    messages.add('ERROR', 'ModelImporter: the file is larger than 2 GiB.')
    library = TensorRTLibrary(None, 'tensorrt', '10.3.0')

    words = _refusal(library, SimpleNamespace(num_errors=0), messages)

    assert words.startswith(
        'TensorRT 10.3.0 cannot read the network: ModelImporter: the file is larger than 2 GiB. '
    )
