# SPDX-License-Identifier: Apache-2.0
"""What the engine asks of CUDA and of NVIDIA's run time, against stand-ins for both.

No GPU and no TensorRT run here: these tests show which calls are made, in which order, and what
becomes of their errors. ``test_tensorrt_builder`` runs NVIDIA's own builder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import sys
from types import SimpleNamespace
from typing import Any, Literal, TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest

from recorded_cuda import RecordedCuda, runtime_of
from seg_node.engines.base import Inferred, Wanted
from seg_node.engines.deployed_spec import DeployedSpec
from seg_node.engines.onnx_engine import OnnxEngine
from seg_node.engines.tensorrt.engine import TensorRTEngine, TensorRTOptions
from seg_node.engines.tensorrt.engine_cache import EngineCache
from seg_node.engines.tensorrt.session import MOST_LANES
from seg_node.errors import (
    DeviceError,
    EngineError,
    EngineUnavailableError,
    TensorMismatchError,
)
import tiny

if TYPE_CHECKING:
    from pathlib import Path

    from seg_node.bundle import Bundle

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_tensorrt_rtx,
]

SIZE = (60, 80)
ALL = Wanted(planes=(0, 2), drivable=(0.5, 0.9), scores=True)
UInt8Array = npt.NDArray[np.uint8]


@pytest.fixture(params=['late', 'eager'])
def cuda(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> RecordedCuda:
    schedule: Literal['late', 'eager'] = request.param
    made = RecordedCuda(schedule)
    monkeypatch.setattr('seg_node.engines.tensorrt.cuda_device.find_runtime', lambda: made)
    return made


@pytest.fixture
def told(cuda: RecordedCuda, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Return what happens in the stand-in; engines are their own ONNX graphs."""

    def build(library: Any, onnx: bytes, *_: Any, **__: Any) -> bytes:
        del library
        state.builds += 1
        return onnx

    state = SimpleNamespace(engines=[], runs=[], refusals=[], changes=[], builds=0, old_driver='')
    monkeypatch.setattr('tensorrt_rtx.Runtime', runtime_of(cuda, state))
    monkeypatch.setattr('seg_node.engines.tensorrt.files.build_engine', build)
    return state


@pytest.fixture(scope='module')
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny.tiny_bundle(tmp_path_factory.mktemp('trt') / 'bundle')


Make = Callable[..., TensorRTEngine]


@pytest.fixture
def make(
    bundle: Bundle, cuda: RecordedCuda, told: SimpleNamespace, tmp_path: Path
) -> Iterator[Make]:
    """Return a function that opens an engine in fp32 with an empty cache."""
    del told
    opened: list[TensorRTEngine] = []

    def open_one(**options: Any) -> TensorRTEngine:
        made = TensorRTEngine(
            bundle,
            precision='fp32',
            options=TensorRTOptions(**{'flavour': 'tensorrt_rtx', **options}),
            cache=EngineCache(tmp_path / 'cache'),
        )
        made.open()
        opened.append(made)
        return made

    yield open_one
    cuda.failures.clear()
    for one in opened:
        one.close()


def images(count: int, size: tuple[int, int] = SIZE, first: int = 0) -> list[UInt8Array]:
    return [tiny.scene(size, first + seed)[0] for seed in range(count)]


def assert_equal(got: Inferred, expected: Inferred) -> None:
    """Compare all arrays."""
    for name in ('labels', 'confidence', 'entropy'):
        np.testing.assert_array_equal(getattr(got.maps, name), getattr(expected.maps, name))
    assert got.maps.planes.keys() == expected.maps.planes.keys()
    for index, plane in got.maps.planes.items():
        np.testing.assert_array_equal(plane, expected.maps.planes[index])
    np.testing.assert_array_equal(got.drivable_area, expected.drivable_area)
    np.testing.assert_array_equal(got.scores, expected.scores)
    assert got.placement == expected.placement


def test_images_give_what_the_processor_finds_in_them(make: Make, bundle: Bundle) -> None:
    engine = make(image_size=SIZE, planes=(0, 2))
    image = images(1)[0]

    (got,) = engine.segment([image], ALL)

    with OnnxEngine(bundle) as reference:
        (expected,) = reference.segment([image], ALL)
    assert expected.maps.confidence is not None
    assert got.maps.confidence is not None
    assert (got.maps.labels == expected.maps.labels).mean() > 0.999
    difference = got.maps.confidence.astype(int) - expected.maps.confidence
    assert np.abs(difference).max() <= 2
    assert got.scores is not None
    assert expected.scores is not None
    np.testing.assert_allclose(got.scores, expected.scores, atol=1e-4)
    assert got.maps.labels.shape == SIZE
    assert set(got.times) == {'copy_in', 'infer', 'copy_out'}


@pytest.mark.parametrize('graph', [True, False])
def test_a_stream_gives_the_same_as_one_by_one(make: Make, told: Any, *, graph: bool) -> None:
    told.changes.append(lambda engine: setattr(engine, 'capturable', graph))
    engine = make(image_size=SIZE, planes=(0, 2))
    frames = images(7)
    expected = [engine.segment([frame], ALL)[0] for frame in frames]

    got = list(engine.stream(([frame] for frame in frames), ALL))

    for (one,), other in zip(got, expected, strict=True):
        assert_equal(one, other)


def test_several_cameras_go_in_one_batch_and_more_in_several(make: Make) -> None:
    single, batched = make(image_size=SIZE), make(image_size=SIZE, batch=(1, 2, 2))
    frames = images(5)

    got = batched.segment(frames, ALL)

    assert len(got) == 5
    for one, frame in zip(got, frames, strict=True):
        assert_equal(one, single.segment([frame], ALL)[0])


def test_a_small_batch_runs_in_an_engine_for_larger_ones(make: Make, told: Any) -> None:
    single, fixed = make(image_size=SIZE), make(image_size=SIZE, batch=(3, 3, 3))
    frame = images(1)[0]

    assert_equal(fixed.segment([frame], ALL)[0], single.segment([frame], ALL)[0])
    assert told.engines[-1].get_tensor_shape('image')[0] == 3


def test_a_frame_is_copied_computed_and_copied_back_in_streams_that_wait(
    make: Make, cuda: RecordedCuda
) -> None:
    engine = make(image_size=SIZE)
    frame = images(1)[0]
    engine.segment([frame], Wanted(confidence=False, entropy=False))
    cuda.calls.clear()

    engine.segment([frame], Wanted(confidence=False, entropy=False))

    calls = [call for call in cuda.calls if call.name != 'cudaEventElapsedTime']
    assert [call.name for call in calls] == [
        'cudaSetDevice',
        'cudaEventRecord',
        'cudaMemcpyAsync',  # the image
        'cudaMemcpyAsync',  # the thresholds, once in each slot
        'cudaEventRecord',
        'cudaStreamWaitEvent',
        'cudaEventRecord',
        'cudaGraphLaunch',
        'cudaEventRecord',
        'cudaStreamWaitEvent',
        'cudaMemcpyAsync',  # the labels
        'cudaEventRecord',
        'cudaSetDevice',
        'cudaEventSynchronize',
    ]
    copy_in, compute, copy_out = calls[1].args[1], calls[7].args[1], calls[10].args[4]
    assert len({copy_in, compute, copy_out}) == 3
    assert calls[5].args[:2] == (compute, calls[4].args[0])
    assert calls[9].args[:2] == (copy_out, calls[8].args[0])
    assert [calls[index].args[3] for index in (2, 3, 10)] == ['in', 'in', 'out']
    assert calls[2].args[2] == frame.size
    assert calls[10].args[2] == frame.shape[0] * frame.shape[1]
    assert calls[-1].args == (calls[11].args[0],)


@pytest.mark.parametrize('cuda', ['late'], indirect=True)
def test_the_next_frame_is_copied_in_before_the_last_is_computed(
    make: Make, cuda: RecordedCuda, told: Any
) -> None:
    engine = make(image_size=SIZE)
    first, second = images(2)
    engine.submit([first], ALL)
    engine.submit([second], ALL)
    copies = [call for call in cuda.calls if call.name == 'cudaMemcpyAsync']
    copy_in = next(call.args[4] for call in reversed(copies) if call.args[3] == 'in')
    target = next(
        call.args[0] for call in reversed(copies) if call.args[2:4] == (second.size, 'in')
    )
    session = told.engines[0].session
    told.engines[0].session = None  # from here on nothing can be computed

    cuda.run(copy_in)

    np.testing.assert_array_equal(cuda.array(target, np.uint8, second.shape), second)
    told.engines[0].session = session
    assert len(engine.collect()) == len(engine.collect()) == 1


def test_the_network_is_recorded_once_in_each_slot_and_then_only_launched(
    make: Make, cuda: RecordedCuda, told: Any
) -> None:
    engine = make(image_size=SIZE)
    runs = len(told.runs)

    for _ in engine.stream([images(1)] * 6, ALL):
        pass

    assert runs == 4  # a plain run and a recorded one in each of two slots
    assert len(told.runs) == runs
    assert cuda.count('cudaGraphInstantiate') == 2
    assert cuda.count('cudaGraphLaunch') == 6
    assert engine.described()['cuda_graph'] == 'yes'


def test_what_cannot_be_recorded_runs_without_a_graph_and_says_so(
    make: Make, cuda: RecordedCuda
) -> None:
    cuda.failures['cudaGraphInstantiate'] = (0, 801)
    engine = make(image_size=SIZE)

    assert len(engine.segment(images(1), ALL)) == 1
    assert cuda.count('cudaGraphLaunch') == 0
    assert 'error 801' in engine.described()['cuda_graph']


def test_the_library_is_asked_whether_a_run_can_be_recorded(make: Make, told: Any) -> None:
    told.changes.append(lambda engine: setattr(engine, 'capturable', False))
    engine = make(image_size=SIZE)

    assert len(engine.segment(images(1), ALL)) == 1
    assert engine.described()['cuda_graph'].startswith('no: the library says')


def test_only_what_is_wanted_is_copied_to_the_host(make: Make, cuda: RecordedCuda) -> None:
    engine = make(image_size=SIZE, planes=(1,))
    pixels = SIZE[0] * SIZE[1]

    def copied(wanted: Wanted) -> int:
        cuda.calls.clear()
        engine.segment(images(1), wanted)
        copies = [call.args for call in cuda.calls if call.name == 'cudaMemcpyAsync']
        return int(sum(args[2] for args in copies if args[3] == 'out'))

    assert copied(Wanted(confidence=False, entropy=False)) == pixels
    assert copied(Wanted()) == 3 * pixels
    assert copied(Wanted(drivable=(0.5, 0.5))) == 4 * pixels
    assert copied(Wanted(planes=(1,))) == 4 * pixels
    assert copied(Wanted(scores=True)) == 3 * pixels + 3 * 24 * 32 * 4


def test_planes_that_the_engine_lacks_are_computed_from_the_scores(make: Make) -> None:
    with_planes, without = make(image_size=SIZE, planes=(0, 2)), make(image_size=SIZE)
    mixed = make(image_size=SIZE, planes=(2,))
    frame = images(1)[0]

    (expected,) = with_planes.segment([frame], ALL)

    for engine in (without, mixed):
        (got,) = engine.segment([frame], ALL)
        assert list(got.maps.planes) == [0, 2]
        for index in (0, 2):
            difference = got.maps.planes[index].astype(int) - expected.maps.planes[index]
            assert np.abs(difference).max() <= 2


def test_without_scores_other_planes_are_refused_and_the_rest_goes_on(make: Make) -> None:
    engine = make(image_size=SIZE, scores=False)

    with pytest.raises(EngineError, match=r'planes of classes \[2\]'):
        engine.segment(images(1), Wanted(planes=(2,)))
    with pytest.raises(EngineError, match='built without scores'):
        engine.segment(images(1), Wanted(scores=True))
    assert len(engine.segment(images(1), Wanted())) == 1


def test_thresholds_change_from_frame_to_frame(make: Make) -> None:
    engine = make(image_size=SIZE)
    frame = images(1)[0]

    def share(least: float) -> float:
        (got,) = engine.segment([frame], Wanted(drivable=(least, 1.0)))
        assert got.drivable_area is not None
        assert set(np.unique(got.drivable_area)) <= {0, 255}
        return float((got.drivable_area > 0).mean())

    assert share(0.0) > 0.05
    assert share(1.0) < share(0.0)
    assert share(0.0) > 0.05


def test_images_of_another_size_get_an_engine_of_their_own(make: Make, told: Any) -> None:
    engine = make(image_size=SIZE)
    other = (48, 100)

    (small,) = engine.segment(images(1), Wanted())
    (wide,) = engine.segment(images(1, other), Wanted())
    (again,) = engine.segment(images(1), Wanted())

    assert wide.maps.labels.shape == other
    assert told.builds == 2
    np.testing.assert_array_equal(small.maps.labels, again.maps.labels)


def test_without_a_size_the_engine_comes_with_the_first_image(make: Make, told: Any) -> None:
    engine = make()
    assert told.builds == 0

    (got,) = engine.segment(images(1), Wanted())

    assert got.maps.labels.shape == SIZE
    assert told.builds == 1


def test_one_engine_takes_all_sizes_of_its_range_and_no_others(make: Make, told: Any) -> None:
    fixed = make(image_size=(48, 100))
    engine = make(sizes=((40, 60), SIZE, (70, 110)))
    frame = images(1, (48, 100))[0]

    assert_equal(engine.segment([frame], ALL)[0], fixed.segment([frame], ALL)[0])
    assert told.builds == 2
    engine.segment(images(1, (72, 110)), Wanted())
    assert told.builds == 3


def test_kernels_are_settled_before_a_run_of_open_shapes_is_recorded(
    make: Make, told: Any
) -> None:
    make(image_size=SIZE)
    fixed = told.engines[-1].config

    make(image_size=SIZE, batch=(1, 1, 2))

    assert fixed is None
    strategy = told.engines[-1].config.dynamic_shapes_kernel_specialization_strategy
    assert strategy.name == 'EAGER'


def test_stages_are_ranges_for_profilers(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[tuple[str, str]] = []

    @contextmanager
    def annotate(name: str, domain: str) -> Iterator[None]:
        begun.append((domain, name))
        yield

    monkeypatch.setitem(sys.modules, 'nvtx', SimpleNamespace(annotate=annotate))
    engine = make(image_size=SIZE)

    engine.segment(images(1), ALL)

    stages = ['copy_in', 'infer', 'copy_out', 'wait', 'finish']
    assert begun == [('seg_node', name) for name in stages]


@pytest.mark.parametrize('cuda', ['late'], indirect=True)
def test_many_sizes_do_not_fill_the_memory(make: Make, cuda: RecordedCuda) -> None:
    engine = make()
    for height in range(40, 48):
        engine.segment(images(1, (height, 64)), Wanted())

    assert list(cuda.live.values()).count('graph exec') == 4 * 2
    assert len(engine._session._loaded) <= 4  # type: ignore[union-attr]


def test_what_must_not_be_built_is_an_error_that_harms_nothing(make: Make, told: Any) -> None:
    make(image_size=SIZE).close()
    engine = make(image_size=SIZE, may_build=False)

    with pytest.raises(EngineError, match=r'There is no engine .*seg build-engine'):
        engine.segment(images(1, (48, 100)), Wanted())

    assert len(engine.segment(images(1), Wanted())) == 1
    assert told.builds == 1


def test_an_engine_that_cannot_be_kept_runs_and_the_log_says_so(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / 'cache').touch()

    engine = make(image_size=SIZE)

    assert len(engine.segment(images(1), ALL)) == 1
    assert 'cannot be kept' in caplog.text


def test_results_stay_as_they_are_whatever_comes_later(make: Make, cuda: RecordedCuda) -> None:
    engine = make(image_size=SIZE)
    frames = images(20)
    kept = [engine.segment([frame], ALL)[0] for frame in frames]
    copies = [one.maps.labels.copy() for one in kept]

    again = [engine.segment([frame], ALL)[0] for frame in frames]
    engine.close()

    for one, two, copy in zip(kept, again, copies, strict=True):
        np.testing.assert_array_equal(one.maps.labels, copy)
        np.testing.assert_array_equal(two.maps.labels, copy)
    assert list(cuda.live.values()).count('pinned') <= 8


def test_pinned_memory_comes_home_when_nobody_looks_any_more(
    make: Make, cuda: RecordedCuda
) -> None:
    engine = make(image_size=SIZE)
    for frame in images(10):
        engine.segment([frame], ALL)
    assert cuda.count('cudaHostAlloc') <= 2 * 2 + 3

    (kept,) = engine.segment(images(1), ALL)
    engine.close()
    assert list(cuda.live.values()) == ['pinned']
    view = kept.maps.labels[3:5]
    del kept
    assert list(cuda.live.values()) == ['pinned']
    del view

    assert cuda.live == {}


def test_images_in_pinned_memory_are_not_copied_once_more(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make(image_size=SIZE)
    frame = images(1)[0]
    (expected,) = engine.segment([frame], ALL)
    pinned = engine.next_images(1, SIZE)
    pinned[0] = frame

    def no_copy(target: Any, source: Any) -> None:
        pytest.fail(f'{source.shape} was copied to {target.shape}')

    monkeypatch.setattr('seg_node.engines.tensorrt.slot.np.copyto', no_copy)
    engine.submit(list(pinned), ALL)
    monkeypatch.undo()

    assert_equal(engine.collect()[0], expected)


def test_a_third_batch_has_to_wait_and_harms_nothing(make: Make) -> None:
    engine = make(image_size=SIZE)
    frames = images(3)
    expected = [engine.segment([frame], ALL)[0] for frame in frames[:2]]
    for frame in frames[:2]:
        engine.submit([frame], ALL)

    with pytest.raises(EngineError, match='2 batches are under way'):
        engine.submit([frames[2]], ALL)
    with pytest.raises(EngineError, match='Batches are under way'):
        engine.segment([frames[2]], ALL)

    for one in expected:
        assert_equal(engine.collect()[0], one)
    with pytest.raises(EngineError, match='No batch is under way'):
        engine.collect()


def test_too_many_images_at_once_are_refused(make: Make) -> None:
    engine = make(image_size=SIZE)

    with pytest.raises(EngineError, match=r'2 images were sent at once; .* at most 1'):
        engine.submit(images(2), ALL)


def test_images_of_two_sizes_or_before_opening_are_refused(make: Make) -> None:
    engine = make(image_size=SIZE)

    with pytest.raises(TensorMismatchError):
        engine.submit([images(1)[0], images(1, (48, 100))[0]], ALL)
    engine.close()
    with pytest.raises(EngineError, match='is not open'):
        engine.submit(images(1), ALL)
    with pytest.raises(EngineError, match='is not open'):
        engine.collect()


def test_closing_frees_everything_and_opening_again_works(make: Make, cuda: RecordedCuda) -> None:
    engine = make(image_size=SIZE)
    engine.segment(images(1), ALL)
    engine.submit(images(1), ALL)

    engine.close()

    assert cuda.live == {}
    engine.open()
    assert len(engine.segment(images(1), ALL)) == 1


def test_an_engine_that_the_library_does_not_load_is_put_aside_and_built_again(
    make: Make, told: Any, tmp_path: Path
) -> None:
    make(image_size=SIZE).close()
    told.refusals.append('Serialization assertion failed')

    engine = make(image_size=SIZE)

    assert len(engine.segment(images(1), ALL)) == 1
    assert told.builds == 2
    assert len(list((tmp_path / 'cache' / 'quarantine').iterdir())) == 1


def test_a_fresh_engine_that_the_library_does_not_load_is_an_error(make: Make, told: Any) -> None:
    told.refusals.append('no kernel image')

    with pytest.raises(EngineError, match='does not load its own engine: no kernel image'):
        make(image_size=SIZE)


def test_lack_of_memory_is_not_blamed_on_the_file(
    make: Make, told: Any, cuda: RecordedCuda, tmp_path: Path
) -> None:
    make(image_size=SIZE).close()
    told.refusals.append('Error Code 2: OutOfMemory (Requested size was 4096 bytes.)')

    with pytest.raises(DeviceError, match='does not fit') as caught:
        make(image_size=SIZE)

    assert caught.value.out_of_memory
    assert not (tmp_path / 'cache' / 'quarantine').exists()
    assert cuda.live == {}


@pytest.mark.parametrize('cuda', ['late'], indirect=True)
@pytest.mark.parametrize('what', ['context', 'shape', 'address', 'run'])
def test_refusals_of_the_library_are_errors_that_free_everything(
    make: Make, told: Any, cuda: RecordedCuda, what: str
) -> None:
    told.changes.append(lambda engine: setattr(engine, 'refuses', what))

    with pytest.raises(EngineError, match='TensorRT could not'):
        make(image_size=SIZE)

    assert cuda.live == {}


def test_an_engine_with_other_tensors_is_refused_by_name(make: Make, told: Any) -> None:
    def rename(engine: Any) -> None:
        engine.ports['mask'] = engine.ports.pop('labels')

    told.changes.append(rename)

    with pytest.raises(TensorMismatchError, match=r"'labels': expected output uint8 .* got none"):
        make(image_size=SIZE)


class Logger:
    """What the engine derives its logger from."""


@pytest.mark.parametrize('cuda', ['late'], indirect=True)
@pytest.mark.parametrize('version', ['10.3.0.30', '11.4.0.106'])
def test_engines_of_the_full_library_are_for_one_gpu_driver_and_version(
    make: Make,
    told: Any,
    cuda: RecordedCuda,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
) -> None:
    """The library is a stand-in with a version; what is seen is which engines are built anew."""
    library = SimpleNamespace(__version__=version, ILogger=Logger, Runtime=runtime_of(cuda, told))
    monkeypatch.setitem(sys.modules, 'tensorrt', library)

    def builds() -> int:
        engine = make(image_size=SIZE, flavour='tensorrt')
        assert len(engine.segment(images(1), ALL)) == 1
        engine.close()
        return int(told.builds)

    assert builds() == 1
    assert builds() == 1
    cuda.driver = 13020
    assert builds() == 2
    cuda.gpu = b'Another GPU'
    assert builds() == 3
    library.__version__ = f'{version}9'
    assert builds() == 4
    assert make(image_size=SIZE, flavour='tensorrt').device.startswith(
        'Another GPU (8.9), TensorRT'
    )


@pytest.mark.parametrize('cuda', ['late'], indirect=True)
def test_engines_of_tensorrt_for_rtx_outlive_an_upgrade_of_the_driver(
    make: Make, told: Any, cuda: RecordedCuda
) -> None:
    make(image_size=SIZE)
    cuda.driver, cuda.gpu = 13020, b'Another GPU'
    make(image_size=SIZE)

    assert told.builds == 1


@pytest.mark.parametrize('cuda', ['late'], indirect=True)
def test_tensorrt_for_rtx_refuses_a_gpu_that_it_does_not_know(
    make: Make, cuda: RecordedCuda
) -> None:
    cuda.capability = (9, 0)

    with pytest.raises(EngineUnavailableError, match=r'does not support .*9\.0'):
        make(image_size=SIZE)


OPENING = [
    'cudaSetDevice',
    'cudaGetDeviceProperties',
    'cudaDriverGetVersion',
    'cudaRuntimeGetVersion',
    'cudaGetDeviceCount',
    'cudaStreamCreateWithFlags',
    'cudaEventCreateWithFlags',
    'cudaMalloc',
    'cudaHostAlloc',
    'cudaStreamSynchronize',
    'cudaMemcpyAsync',
]
RUNNING = [
    'cudaSetDevice',
    'cudaEventRecord',
    'cudaMemcpyAsync',
    'cudaStreamWaitEvent',
    'cudaGraphLaunch',
    'cudaEventSynchronize',
    'cudaEventElapsedTime',
]


@pytest.mark.parametrize('cuda', ['late'], indirect=True)
@pytest.mark.parametrize('number', [0, 1, 2])
@pytest.mark.parametrize('name', OPENING)
def test_every_failure_while_opening_is_an_error_and_frees_everything(
    make: Make, cuda: RecordedCuda, name: str, number: int
) -> None:
    cuda.failures[name] = (number, 1)
    try:
        make(image_size=SIZE)
    except DeviceError as err:
        assert f'{name} failed with error 1 of CUDA: words for 1' in str(err)  # noqa: PT017
        assert not err.sticky  # noqa: PT017
        assert cuda.live == {}
    else:
        assert cuda.count(name) <= number  # it is not called that often


@pytest.mark.parametrize('cuda', ['late'], indirect=True)
@pytest.mark.parametrize('name', RUNNING)
def test_every_failure_while_running_is_an_error_and_the_engine_has_to_be_opened_again(
    make: Make, cuda: RecordedCuda, name: str
) -> None:
    engine = make(image_size=SIZE)
    engine.segment(images(1), ALL)
    cuda.failures[name] = (cuda.count(name), 1)

    with pytest.raises(DeviceError, match=f'{name} failed') as caught:
        engine.segment(images(1), ALL)
    cuda.failures.clear()

    assert not caught.value.sticky
    engine.close()
    assert cuda.live == {}
    engine.open()
    assert len(engine.segment(images(1), ALL)) == 1


def test_after_a_failure_nothing_runs_any_more(make: Make, cuda: RecordedCuda) -> None:
    engine = make(image_size=SIZE)
    cuda.failures['cudaEventSynchronize'] = (0, 1)
    with pytest.raises(DeviceError):
        engine.segment(images(1), ALL)
    cuda.failures.clear()
    engine._flights.clear()
    launches = cuda.count('cudaGraphLaunch')

    with pytest.raises(DeviceError, match='cudaEventSynchronize failed'):
        engine.segment(images(1), ALL)

    assert cuda.count('cudaGraphLaunch') == launches


def test_closing_frees_what_it_can_even_if_the_gpu_cannot_be_chosen(
    make: Make, cuda: RecordedCuda
) -> None:
    engine = make(image_size=SIZE)
    cuda.failures['cudaSetDevice'] = (cuda.count('cudaSetDevice'), 1)

    with pytest.raises(DeviceError, match='cudaSetDevice failed'):
        engine.close()

    assert cuda.live == {}


def test_a_sticky_error_is_told_and_closing_does_not_fail_for_it(
    make: Make, cuda: RecordedCuda, caplog: pytest.LogCaptureFixture
) -> None:
    engine = make(image_size=SIZE)
    cuda.failures['cudaEventSynchronize'] = (0, 700)

    with pytest.raises(DeviceError, match='start it again') as caught:
        engine.segment(images(1), ALL)

    assert caught.value.sticky
    engine.close()
    assert 'does not free its memory' in caplog.text


def test_lack_of_memory_says_that_less_may_do(make: Make, cuda: RecordedCuda) -> None:
    cuda.failures['cudaMalloc'] = (3, 2)

    with pytest.raises(DeviceError, match='smaller batches') as caught:
        make(image_size=SIZE)

    assert caught.value.out_of_memory
    assert cuda.live == {}


def test_the_state_names_gpu_library_and_memory_without_asking_at_every_frame(
    make: Make, cuda: RecordedCuda
) -> None:
    engine = make(image_size=SIZE)

    told = engine.described()
    engine.described()

    assert told['device'].startswith('Stand-in GPU (8.9), TensorRT for RTX 1.')
    assert told['gpu_memory'] == '2048 of 8192 MiB'
    assert told['engine'] == 'tensorrt'
    assert cuda.count('cudaMemGetInfo') == 1


def test_choices_that_contradict_each_other_are_refused_before_opening(bundle: Bundle) -> None:
    with pytest.raises(EngineError, match='exactly one'):
        TensorRTEngine(bundle, options=TensorRTOptions(image_size=SIZE, sizes=(SIZE, SIZE, SIZE)))
    with pytest.raises(EngineError, match='range of batch'):
        TensorRTEngine(bundle, options=TensorRTOptions(image_size=SIZE, batch=(2, 1, 1)))


def test_the_best_precision_is_int8_only_where_the_bundle_has_it(bundle: Bundle) -> None:
    assert TensorRTEngine.best_precision(bundle) == 'fp16'
    assert TensorRTOptions(image_size=SIZE).spec('fp16') == DeployedSpec(SIZE)


def test_memory_is_unknown_and_closing_goes_on_once_the_driver_is_gone(
    make: Make, cuda: RecordedCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make(image_size=SIZE)
    monkeypatch.setattr('seg_node.engines.tensorrt.engine.MEMORY_INTERVAL_S', 0.0)
    cuda.failures['cudaMemGetInfo'] = (cuda.count('cudaMemGetInfo'), 100)
    assert engine.described()['gpu_memory'].startswith('unknown: cudaMemGetInfo failed')

    cuda.failures['cudaSetDevice'] = (cuda.count('cudaSetDevice'), 100)
    engine.close()


def test_driver_that_is_too_old_for_the_library_is_named(
    make: Make, told: SimpleNamespace
) -> None:
    told.old_driver = 'CUDA initialization failure with error: 35.'

    with pytest.raises(DeviceError, match=r'cannot run here: CUDA init.* Update the driver'):
        make(image_size=SIZE)


def test_shape_too_many_is_refused_while_batches_of_all_others_are_under_way(make: Make) -> None:
    engine = make()
    for width in range(MOST_LANES):
        engine.submit(images(1, (48, 64 + 8 * width)), Wanted())

    with pytest.raises(EngineError, match=r'under way\. Collect first'):
        engine.submit(images(1, (56, 64)), Wanted())

    for _ in range(MOST_LANES):
        engine.collect()
    engine.submit(images(1, (56, 64)), Wanted())
    assert engine.collect()[0].maps.labels.shape == (56, 64)
