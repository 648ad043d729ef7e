# SPDX-License-Identifier: Apache-2.0
"""What the torch engine for GPUs does on any device, tried on the processor.

Streams, pinned memory and CUDA graphs need a GPU: ``benchmarks/bench_gpu.py`` tries them there.
"""

from __future__ import annotations

from dataclasses import replace
import sys
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip('torch')

import torch

from seg_node.bundle import write_bundle
from seg_node.crf import preset
from seg_node.engines.base import Wanted
from seg_node.engines.registry import engine_class, open_engine
from seg_node.engines.serving import open_for_serving
from seg_node.engines.standby.backend import GpuPlan
from seg_node.engines.tensorrt.cuda_device import STICKY as CODES
from seg_node.engines.torch_cuda.backend import TorchBackend
from seg_node.engines.torch_cuda.engine import TorchCudaEngine
from seg_node.engines.torch_cuda.faults import STICKY as TEXTS
from seg_node.engines.torch_cuda.queues import CudaQueues, ProcessorQueues
from seg_node.engines.torch_engine import TorchEngine
from seg_node.errors import BundleError, DeviceError, EngineError, EngineUnavailableError
from seg_node.imaging.device_scores import DeviceScores
from seg_node.imaging.drivable import drivable_area, drivable_table
from seg_node.model.build import build_network
from seg_node.model.config import NetConfig
from seg_node.model.weights import save_weights
from seg_node.pipeline import Segmenter, SegmenterOptions
import tiny

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.bundle import Bundle

    UInt8Array = npt.NDArray[np.uint8]

pytestmark = [pytest.mark.needs_torch, pytest.mark.needs_onnx]

LIMITS = (0.5, 0.8)
TAXONOMY = replace(
    tiny.TAXONOMY,
    classes=tuple(replace(one, drivable=True) for one in tiny.TAXONOMY.classes[::2])
    + tiny.TAXONOMY.classes[1:2],
)
ALL = Wanted(planes=(0, 2), drivable=LIMITS, scores=True)


@pytest.fixture(scope='module')
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A small ERFNet with random weights; some of what it sees is drivable."""
    folder = tmp_path_factory.mktemp('bundle')
    config = NetConfig('erfnet', 3)
    torch.manual_seed(0)
    save_weights(build_network(config), folder / 'weights.safetensors')
    (folder / 'model.onnx').write_bytes(tiny.tiny_onnx())
    manifest = replace(
        tiny.tiny_manifest(),
        taxonomy=TAXONOMY,
        architecture=config.to_dict(),
        temperature=0.05,
        output_stride=1,
    )
    names = ('model.onnx', 'weights.safetensors')
    return write_bundle(folder / 'bundle', manifest, {name: folder / name for name in names})


@pytest.fixture
def engine(bundle: Bundle) -> Iterator[TorchCudaEngine]:
    with TorchCudaEngine(bundle, precision='fp32', device='cpu') as opened:
        yield opened


def scene(seed: int, size: tuple[int, int] = (90, 120)) -> UInt8Array:
    return tiny.scene(size, seed)[0]


def test_results_are_those_of_the_processor(bundle: Bundle, engine: TorchCudaEngine) -> None:
    image = scene(0)

    (got,) = engine.segment([image], ALL)

    with TorchEngine(bundle) as reference:
        (expected,) = reference.segment([image], ALL)
    assert expected.maps.confidence is not None
    assert expected.maps.entropy is not None
    area = drivable_area(
        expected.maps.labels,
        expected.maps.confidence,
        expected.maps.entropy,
        drivable_table(TAXONOMY),
        min_probability=LIMITS[0],
        max_entropy=LIMITS[1],
    )
    assert got.placement == expected.placement
    assert (got.maps.labels == expected.maps.labels).mean() > 0.999
    for one, other in (
        (got.maps.confidence, expected.maps.confidence),
        (got.maps.entropy, expected.maps.entropy),
        (got.maps.planes[0], expected.maps.planes[0]),
        (got.maps.planes[2], expected.maps.planes[2]),
    ):
        assert one is not None
        assert np.abs(one.astype(int) - other.astype(int)).max() <= 1
    assert got.drivable_area is not None
    assert 0.01 < (area == 255).mean() < 0.99
    assert (got.drivable_area == area).mean() > 0.99
    np.testing.assert_allclose(np.asarray(got.scores), np.asarray(expected.scores), atol=1e-3)
    assert set(got.times) == {'copy_in', 'infer', 'copy_out'}


def test_only_what_is_wanted_is_given(engine: TorchCudaEngine) -> None:
    (got,) = engine.segment([scene(0)], Wanted(confidence=False, entropy=False))

    assert (got.maps.confidence, got.maps.entropy) == (None, None)
    assert (got.drivable_area, got.scores) == (None, None)
    assert not got.maps.planes


def same(one: Any, other: Any) -> bool:
    pairs = [
        (one.maps.labels, other.maps.labels),
        (one.maps.confidence, other.maps.confidence),
        (one.maps.entropy, other.maps.entropy),
        (one.drivable_area, other.drivable_area),
        (np.asarray(one.scores), np.asarray(other.scores)),
    ]
    return all(np.array_equal(first, second) for first, second in pairs)


def test_stream_gives_each_batch_its_own_results_in_order(engine: TorchCudaEngine) -> None:
    images = [scene(seed) for seed in range(5)]
    alone = [engine.segment([image], ALL)[0] for image in images]

    together = [
        one for batch in engine.stream(([image] for image in images), ALL) for one in batch
    ]

    assert len(together) == 5
    assert not same(alone[0], alone[1])
    assert all(same(one, other) for one, other in zip(alone, together, strict=True))


def test_pipeline_refines_what_the_engine_leaves_on_its_device(bundle: Bundle) -> None:
    crf = replace(preset('classic'), backend='torch', iterations=2)
    options = SegmenterOptions(crf=crf, crf_min_uncertain_fraction=0.0)
    image = scene(0)

    with TorchCudaEngine(bundle, precision='fp32', device='cpu') as engine:
        got = Segmenter(engine, options)(image)
        probabilities = Segmenter(engine).probabilities(image)
    with TorchEngine(bundle) as reference:
        expected = Segmenter(reference, options)(image)

    assert got.crf == expected.crf == 'ran'
    assert (got.labels == expected.labels).mean() > 0.99
    assert got.network_labels is not None
    assert (got.labels != got.network_labels).any()
    assert probabilities.shape == (90, 120, 3)


def test_images_may_be_changed_once_they_are_submitted(engine: TorchCudaEngine) -> None:
    image = scene(1)
    expected = engine.segment([image], ALL)[0]

    engine.submit([image], ALL)
    image[:] = 0

    assert same(engine.collect()[0], expected)


def test_results_survive_later_batches(engine: TorchCudaEngine) -> None:
    (first,) = engine.segment([scene(0)], ALL)
    assert isinstance(first.scores, DeviceScores)
    kept = first.maps.labels.copy(), first.scores.tensor.clone()

    for seed in range(1, 4):
        engine.segment([scene(seed)], ALL)

    np.testing.assert_array_equal(first.maps.labels, kept[0])
    assert torch.equal(first.scores.tensor, kept[1])


def test_cameras_of_one_size_share_a_batch(engine: TorchCudaEngine) -> None:
    images = [scene(seed) for seed in range(3)]

    together = engine.segment(images, ALL)

    for image, one in zip(images, together, strict=True):
        (alone,) = engine.segment([image], ALL)
        assert np.array_equal(one.maps.labels, alone.maps.labels)


def test_sizes_and_planes_may_change_from_frame_to_frame(engine: TorchCudaEngine) -> None:
    sizes = [(90, 120), (48, 64), (100, 60), (30, 30), (64, 200), (90, 120)]

    for number, size in enumerate(sizes):
        planes = tuple(range(number % 3))
        (got,) = engine.segment([scene(number, size)], Wanted(planes=planes))
        assert got.maps.labels.shape == size
        assert tuple(got.maps.planes) == planes
    assert len(engine._lanes) <= 4


def test_third_batch_is_refused_until_one_is_collected(engine: TorchCudaEngine) -> None:
    engine.submit([scene(0)], ALL)
    engine.submit([scene(1)], ALL)

    with pytest.raises(EngineError, match='Two batches are under way'):
        engine.submit([scene(2)], ALL)
    engine.collect()
    engine.submit([scene(2)], ALL)


def test_nothing_can_be_collected_before_it_is_submitted(engine: TorchCudaEngine) -> None:
    with pytest.raises(EngineError, match='No batch is under way'):
        engine.collect()


def test_closed_engine_refuses_and_can_be_opened_again(bundle: Bundle) -> None:
    engine = TorchCudaEngine(bundle, precision='fp32', device='cpu')
    with engine:
        engine.submit([scene(0)], ALL)
    with pytest.raises(EngineError, match='is not open'):
        engine.submit([scene(0)], ALL)

    with engine:
        assert engine.segment([scene(0)], ALL)


def test_bundle_without_weights_says_so(tmp_path: Path) -> None:
    plain = tiny.tiny_bundle(tmp_path / 'plain')

    with pytest.raises(BundleError, match='safetensors'):
        TorchCudaEngine(plain, device='cpu').open()


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_without_a_gpu_the_engine_for_gpus_is_not_available(bundle: Bundle) -> None:
    with pytest.raises(EngineUnavailableError, match='finds no CUDA GPU'):
        TorchCudaEngine(bundle).open()

    with pytest.raises(EngineUnavailableError, match=r'No NVIDIA driver|finds no CUDA GPU'):
        TorchBackend().device()

    with pytest.raises(EngineUnavailableError, match='finds no CUDA GPU'):
        TorchBackend().open(bundle, GpuPlan((90, 120), 'fp16'))


def test_module_of_ours_that_is_missing_is_a_defect_and_not_a_missing_torch(
    monkeypatch: pytest.MonkeyPatch, bundle: Bundle
) -> None:
    monkeypatch.setitem(sys.modules, 'seg_node.engines.torch_cuda.engine', None)

    with pytest.raises(ModuleNotFoundError, match='seg_node'):
        TorchBackend().open(bundle, GpuPlan((90, 120), 'fp16'))


@pytest.mark.parametrize('gpu', [False, True], ids=['processor', 'gpu'])
def test_name_torch_means_the_gpu_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, *, gpu: bool
) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: gpu)

    assert engine_class('torch') is (TorchCudaEngine if gpu else TorchEngine)


def test_name_torch_means_the_processor_once_the_gpu_is_lost_for_this_process(
    monkeypatch: pytest.MonkeyPatch, bundle: Bundle
) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr('seg_node.engines.serving.spoilt', lambda: 'CUDA error 700. Restart.')

    with open_for_serving('torch', bundle) as engine:
        assert isinstance(engine, TorchEngine)
        assert engine.precision == 'fp32'
        assert 'CUDA error 700. Restart.' in engine.reason


def test_torch_is_left_alone_where_there_is_no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        msg = f'{name}: cannot open shared object file'
        raise OSError(msg)

    monkeypatch.setattr('seg_node.engines.torch_cuda.backend.CDLL', absent)
    monkeypatch.setattr('seg_node.engines.torch_cuda.backend.import_module', pytest.fail)
    monkeypatch.setattr('seg_node.engines.torch_cuda.backend.find_spec', pytest.fail)

    with pytest.raises(EngineUnavailableError, match='No NVIDIA driver'):
        TorchBackend().device()


def test_frugal_plan_keeps_one_shape_ready_and_gives_memory_back(
    monkeypatch: pytest.MonkeyPatch, bundle: Bundle
) -> None:
    given_back: list[int] = []
    monkeypatch.setattr(ProcessorQueues, 'give_back', lambda _: given_back.append(1))
    monkeypatch.setattr(
        'seg_node.engines.torch_cuda.engine.queues_of',
        lambda _: ProcessorQueues(torch.device('cpu')),
    )

    for frugal, evicted in ((False, 0), (True, 1)):
        plan = GpuPlan((90, 120), 'fp32', frugal=frugal)
        with TorchBackend().open(bundle, plan) as engine:
            for size in ((90, 120), (48, 64)):
                engine.segment([np.zeros((*size, 3), np.uint8)], Wanted())
            assert len(given_back) == evicted
        assert len(given_back) == evicted + 1
        given_back.clear()


def test_standby_finds_nothing_to_build(bundle: Bundle) -> None:
    plan = GpuPlan((90, 120), 'fp16')

    assert TorchBackend().is_built(bundle, plan)
    assert TorchBackend().best_precision(bundle) == 'fp16'
    assert set(TorchBackend.precisions) == set(TorchCudaEngine.precisions)


@pytest.mark.parametrize(
    ('error', 'sticky', 'memory'),
    [
        (torch.OutOfMemoryError('CUDA out of memory.'), False, True),
        (RuntimeError('CUDA error: an illegal memory access was encountered'), True, False),
        (RuntimeError('CUDA error: unspecified launch failure\nCUDA kernel errors'), True, False),
        (RuntimeError('cuDNN error: CUDNN_STATUS_NOT_SUPPORTED'), False, False),
        (
            RuntimeError(
                'CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`'
            ),
            False,
            True,
        ),
        (RuntimeError('CUDA error: out of memory'), False, True),
        (
            RuntimeError('CUDA error: operation not permitted when stream is capturing'),
            False,
            False,
        ),
        (
            RuntimeError('CUDA error: no kernel image is available for execution on the device'),
            False,
            False,
        ),
    ],
    ids=['memory', 'address', 'launch', 'cudnn', 'cublas', 'cuda memory', 'capture', 'kernel'],
)
def test_errors_of_a_gpu_say_what_can_be_done(
    error: RuntimeError, *, sticky: bool, memory: bool
) -> None:
    queues = CudaQueues.__new__(CudaQueues)
    queues.title = 'torch on a GPU'

    with pytest.raises(DeviceError, match='torch on a GPU') as info, queues.errors():
        raise error

    assert (info.value.sticky, info.value.out_of_memory) == (sticky, memory)


def test_texts_of_lost_contexts_are_those_of_cuda() -> None:
    cuda = pytest.importorskip('cuda.bindings.runtime')
    known = [one for one in cuda.cudaError_t if int(one) in CODES]  # older ones lack the newest

    assert {cuda.cudaGetErrorString(one)[1].decode() for one in known} <= set(TEXTS)
    assert len(TEXTS) == len(CODES)


def test_errors_on_the_processor_are_ours(bundle: Bundle) -> None:
    queues = ProcessorQueues(torch.device('cpu'))

    error = RuntimeError('sizes differ')

    with pytest.raises(EngineError, match='on the CPU failed: sizes differ'), queues.errors():
        raise error
    assert open_engine('torch', bundle, precision='fp32').device.startswith('CPU')
