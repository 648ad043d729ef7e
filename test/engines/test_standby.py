# SPDX-License-Identifier: Apache-2.0
"""Masks from the first frame on, whatever becomes of the GPU."""

from __future__ import annotations

from functools import cache
import os
from pathlib import Path
import signal
from tempfile import TemporaryDirectory
import time
from typing import Any, TYPE_CHECKING

import numpy as np
import pytest

from fake_gpu import FakeGpu, FakeGpuEngine
from seg_node.engines.base import Wanted
from seg_node.engines.onnx_engine import OnnxEngine
from seg_node.engines.serving import open_for_serving
from seg_node.engines.standby import context as gpu_context
from seg_node.engines.standby.engine import SETTLED_FRAMES, StandbyEngine, StandbyOptions
from seg_node.engines.standby.standing import Patience
from seg_node.errors import BundleError, EngineError, EngineUnavailableError
import tiny

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from seg_node.bundle import Bundle
    from seg_node.engines.base import Inferred
    from seg_node.engines.standby.engine import OnGpuFailure

    Say = Callable[..., None]
    Open = Callable[..., StandbyEngine]

pytestmark = [pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

SIZE = (48, 64)
IMAGE = tiny.scene(SIZE)[0]
TIMEOUT_S = 20.0


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return tiny.tiny_bundle(tmp_path / 'bundle')


@pytest.fixture
def standby(bundle: Bundle) -> Iterator[Open]:
    """Return a function that opens and starts a standby."""
    opened: list[StandbyEngine] = []

    def begin(
        *,
        on_gpu_failure: OnGpuFailure = 'fallback',
        image_size: tuple[int, int] | None = None,
        build: float = TIMEOUT_S,
        pause: float = 0.05,
        frame: float = TIMEOUT_S,
    ) -> StandbyEngine:
        options = StandbyOptions(on_gpu_failure, image_size, Patience(build, pause, frame))
        engine = open_for_serving('tensorrt', bundle, options=options)
        assert isinstance(engine, StandbyEngine)
        opened.append(engine)
        engine.start()
        return engine

    yield begin
    for engine in opened:
        engine.close()


@cache
def right_labels() -> npt.NDArray[np.uint8]:
    """Return the labels of the image, by ONNX Runtime alone."""
    with TemporaryDirectory() as folder, OnnxEngine(tiny.tiny_bundle(Path(folder, 'b'))) as alone:
        return alone.segment([IMAGE], Wanted())[0].maps.labels


def segment(engine: StandbyEngine, image: Any = IMAGE) -> Inferred:
    return engine.segment([image], Wanted())[0]


def frames_until(engine: StandbyEngine, condition: Callable[[], object]) -> int:
    """Send frames until the condition holds, each answered rightly; return their number."""
    deadline = time.monotonic() + TIMEOUT_S
    count = 0
    while not condition():
        assert time.monotonic() < deadline, engine.described()
        found = segment(engine)
        assert np.array_equal(found.maps.labels, right_labels())
        count += 1
        time.sleep(0.01)
    return count


def serves(engine: StandbyEngine, name: str) -> Callable[[], bool]:
    return lambda: engine.described()['engine'] == name


def says(engine: StandbyEngine, words: str) -> Callable[[], bool]:
    return lambda: words in engine.described()['reason']


def test_cpu_answers_until_the_engine_is_built_and_then_the_gpu(
    fake_gpu: Say, standby: Open
) -> None:
    fake_gpu(build_s=1.0)
    engine = standby()
    segment(engine)
    seen = set()

    def is_in_use() -> bool:
        seen.add(engine.gpu)
        return engine.gpu == 'in use'

    frames_until(engine, is_in_use)
    segment(engine)

    assert {'building engine 50 %', 'building engine 95 %'} <= seen
    assert engine.described() == {
        'engine': 'tensorrt',
        'device': 'fake GPU',
        'precision': 'fp16',
        'reason': 'asked for by name: Fake library 1.0 on fake GPU.',
        'gpu': 'in use',
    }
    assert engine.trouble == ''


def test_described_names_the_engine_that_answered_the_last_frame(
    fake_gpu: Say, standby: Open
) -> None:
    fake_gpu()
    engine = standby()
    before = segment(engine)
    assert engine.described()['engine'] == 'onnxruntime'

    frames_until(engine, lambda: engine.gpu == 'in use')
    assert engine.described()['engine'] == 'onnxruntime'
    after = segment(engine)

    assert engine.described()['engine'] == 'tensorrt'
    # The fake GPU's confidences are one level lower: the words belong to the results.
    assert before.maps.confidence is not None
    assert after.maps.confidence is not None
    assert np.array_equal(after.maps.confidence, before.maps.confidence - 1)


def test_engine_that_was_built_before_is_opened_without_a_builder(
    fake_gpu: Say, standby: Open
) -> None:
    fake_gpu()
    first = standby()
    frames_until(first, serves(first, 'tensorrt'))
    first.close()
    Path(os.environ['FAKE_GPU_PIDS']).unlink()

    second = standby()
    frames_until(second, serves(second, 'tensorrt'))

    assert not Path(os.environ['FAKE_GPU_PIDS']).exists()


def test_known_image_size_is_built_for_before_the_first_frame(
    fake_gpu: Say, standby: Open
) -> None:
    fake_gpu()

    engine = standby(image_size=SIZE)

    deadline = time.monotonic() + TIMEOUT_S
    while engine.gpu != 'in use':
        assert time.monotonic() < deadline
        time.sleep(0.01)
    segment(engine)
    assert engine.described()['engine'] == 'tensorrt'


@pytest.mark.parametrize('result', ['nan', 'wrong', 'stuck', 'impossible'])
def test_fp16_that_fails_the_self_check_is_replaced_by_fp32(
    result: str, fake_gpu: Say, standby: Open
) -> None:
    fake_gpu(results={'fp16': result})
    engine = standby()

    frames_until(engine, serves(engine, 'tensorrt'))

    described = engine.described()
    assert described['precision'] == 'fp32'
    assert (
        'fp32 instead of fp16: The self-check of tensorrt in fp16 failed:' in described['reason']
    )
    assert engine.trouble == ''


def test_cpu_serves_for_good_if_fp32_fails_the_self_check_too(
    fake_gpu: Say, standby: Open
) -> None:
    fake_gpu(results={'fp16': 'nan', 'fp32': 'wrong'})
    engine = standby()

    frames_until(engine, lambda: engine.gpu == 'off')

    reason = engine.described()['reason']
    assert engine.described()['engine'] == 'onnxruntime'
    assert 'in fp16 failed: scores are NaN or infinite.' in reason
    assert 'in fp32 failed: 0.0% of the labels are those of onnxruntime' in reason
    assert 'until the node is configured anew' in engine.trouble


def test_build_out_of_memory_is_tried_in_less(fake_gpu: Say, standby: Open) -> None:
    fake_gpu(build={'fp16': 'memory'})
    engine = standby()

    frames_until(engine, serves(engine, 'tensorrt'))

    words = 'fp16 in little memory instead of fp16: CUDA error 2: out of memory.'
    assert words in engine.described()['reason']


def test_cpu_serves_while_memory_does_not_suffice_and_the_gpu_is_tried_again(
    fake_gpu: Say, standby: Open
) -> None:
    fake_gpu(build={'fp16': 'memory'}, open={'fp16 in little memory': 'memory'})
    engine = standby()

    frames_until(engine, lambda: engine.gpu.startswith('pausing'))
    assert 'out of memory. It is tried again.' in engine.described()['reason']
    fake_gpu()
    frames_until(engine, serves(engine, 'tensorrt'))

    assert engine.trouble == ''


@pytest.mark.parametrize(
    ('fate', 'words'),
    [
        ('full', 'No space left on device'),
        ('hang', 'no progress for 1.5 s'),
        ('device', 'CUDA error 999'),
    ],
)
def test_failed_build_is_said_and_tried_again(
    fate: str, words: str, fake_gpu: Say, standby: Open
) -> None:
    fake_gpu(build={'fp16': fate})
    engine = standby(build=1.5)

    frames_until(engine, says(engine, words))
    assert engine.described()['engine'] == 'onnxruntime'
    assert words in engine.trouble
    fake_gpu()
    frames_until(engine, serves(engine, 'tensorrt'))

    assert engine.trouble == ''


def test_killed_builder_is_started_again_in_less_memory(fake_gpu: Say, standby: Open) -> None:
    fake_gpu(build={'fp16': 'hang'})
    engine = standby()
    pids = Path(os.environ['FAKE_GPU_PIDS'])
    frames_until(engine, pids.is_file)

    os.kill(int(pids.read_text(encoding='utf-8')), signal.SIGKILL)

    frames_until(engine, serves(engine, 'tensorrt'))
    assert 'The builder was ended by SIGKILL.' in engine.described()['reason']


def test_network_that_the_library_refuses_leaves_the_cpu(fake_gpu: Say, standby: Open) -> None:
    fake_gpu(build={'fp16': 'refused', 'fp32': 'refused'})
    engine = standby()

    frames_until(engine, lambda: engine.gpu == 'off')

    assert 'does not know the operator Frobnicate' in engine.trouble


@pytest.mark.parametrize('fate', ['device', 'memory', 'bug'])
def test_frame_on_which_the_gpu_fails_is_answered_by_the_cpu(
    fate: str, fake_gpu: Say, standby: Open
) -> None:
    fake_gpu(at={'2': fate})
    engine = standby(pause=0.2)
    frames_until(engine, serves(engine, 'tensorrt'))  # that was frame 1
    lost = FakeGpuEngine.opened[-1]

    found = segment(engine)

    assert np.array_equal(found.maps.labels, right_labels())
    assert engine.described()['engine'] == 'onnxruntime'
    assert engine.trouble
    fake_gpu()
    frames_until(engine, serves(engine, 'tensorrt'))
    assert engine.trouble == ''
    assert lost.is_closed


def test_lost_context_is_answered_by_the_cpu_and_the_gpu_is_never_touched_again(
    fake_gpu: Say, standby: Open, bundle: Bundle
) -> None:
    fake_gpu(at={'2': 'spoilt'})
    engine = standby()
    frames_until(engine, serves(engine, 'tensorrt'))
    opened, lost = len(FakeGpuEngine.opened), FakeGpuEngine.opened[-1]

    found = segment(engine)
    frames_until(engine, lambda: engine.gpu == 'off')
    engine.close()

    assert np.array_equal(found.maps.labels, right_labels())
    assert engine.trouble.endswith('Restart the node to use the GPU again.')
    assert len(FakeGpuEngine.opened) == opened
    assert not lost.is_closed
    assert gpu_context._abandoned == [lost]
    with pytest.raises(EngineUnavailableError, match='Restart the node'):
        open_for_serving('tensorrt', bundle)
    with open_for_serving('auto', bundle) as other:
        assert other.name == 'onnxruntime'
        assert 'Restart the node' in other.reason


def test_frames_do_not_wait_for_an_engine_that_is_being_freed(
    fake_gpu: Say, standby: Open
) -> None:
    fake_gpu(at={'2': 'device'}, close_s=1.0)
    engine = standby()
    frames_until(engine, serves(engine, 'tensorrt'))
    lost = FakeGpuEngine.opened[-1]

    longest = 0.0
    while not lost.is_closed:
        began = time.monotonic()
        segment(engine)
        longest = max(longest, time.monotonic() - began)
        time.sleep(0.01)

    assert longest < 0.7
    fake_gpu()


def test_frame_on_which_the_gpu_hangs_is_answered_by_the_cpu_and_the_gpu_is_left_alone(
    fake_gpu: Say, standby: Open
) -> None:
    fake_gpu(at={'2': 'hang'})
    engine = standby(frame=0.3)
    frames_until(engine, serves(engine, 'tensorrt'))
    lost = FakeGpuEngine.opened[-1]

    began = time.monotonic()
    found = segment(engine)
    took = time.monotonic() - began
    frames_until(engine, lambda: gpu_context._abandoned)

    assert 0.3 <= took < 2.0
    assert np.array_equal(found.maps.labels, right_labels())
    assert engine.described()['engine'] == 'onnxruntime'
    assert engine.gpu == 'off'
    assert 'not answered a frame for 0.3 s' in engine.trouble
    assert engine.trouble.endswith('Restart the node to use the GPU again.')
    engine.close()
    assert gpu_context._abandoned == [lost]
    assert not lost.is_closed


def test_fail_makes_frames_fail_while_the_gpu_has_failed(fake_gpu: Say, standby: Open) -> None:
    fake_gpu(at={'2': 'device'})
    engine = standby(on_gpu_failure='fail', pause=0.5)
    frames_until(engine, serves(engine, 'tensorrt'))

    for _ in range(3):
        with pytest.raises(EngineError, match=r'CUDA error 999.* on_gpu_failure is fail'):
            segment(engine)

    fake_gpu()
    deadline = time.monotonic() + TIMEOUT_S
    while engine.trouble:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    segment(engine)
    assert engine.described()['engine'] == 'tensorrt'


def test_fail_lets_the_cpu_serve_while_the_first_engine_is_built(
    fake_gpu: Say, standby: Open
) -> None:
    fake_gpu(build_s=0.3)
    engine = standby(on_gpu_failure='fail')

    assert frames_until(engine, serves(engine, 'tensorrt')) > 1


def test_pauses_get_longer_up_to_a_limit() -> None:
    patience = Patience(pause=5.0)

    pauses = [patience.pause_after(failures) for failures in range(1, 10)]

    assert pauses == [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 600.0, 600.0]
    assert patience.pause_after(5000) == 600.0


def test_gpu_that_fails_again_and_again_is_tried_less_and_less_often(
    fake_gpu: Say, standby: Open
) -> None:
    fake_gpu(at={'1': 'device'})
    engine = standby(pause=0.05)
    pauses: list[str] = []

    def has_paused_three_times() -> bool:
        if engine.gpu.startswith('pausing') and engine.gpu not in pauses:
            pauses.append(engine.gpu)
        return len(pauses) == 3

    frames_until(engine, has_paused_three_times)

    assert pauses == ['pausing for 0.05 s', 'pausing for 0.1 s', 'pausing for 0.2 s']


def test_odd_images_go_to_the_cpu_and_a_new_size_gets_a_new_engine(
    fake_gpu: Say, standby: Open
) -> None:
    fake_gpu()
    engine = standby()
    frames_until(engine, serves(engine, 'tensorrt'))
    other, labels = tiny.scene((30, 40))

    for _ in range(SETTLED_FRAMES - 1):
        assert np.array_equal(segment(engine, other).maps.labels.shape, labels.shape)
        assert engine.described()['engine'] == 'onnxruntime'
    segment(engine)
    assert engine.described()['engine'] == 'tensorrt'

    deadline = time.monotonic() + TIMEOUT_S
    while engine.described()['engine'] != 'tensorrt' or engine._size != (30, 40):
        assert time.monotonic() < deadline
        segment(engine, other)
        time.sleep(0.01)
    segment(engine)
    assert engine.described()['engine'] == 'onnxruntime'


def test_closing_during_a_build_ends_the_builder(fake_gpu: Say, standby: Open) -> None:
    fake_gpu(build={'fp16': 'hang'})
    engine = standby()
    pids = Path(os.environ['FAKE_GPU_PIDS'])
    frames_until(engine, pids.is_file)
    builder = int(pids.read_text(encoding='utf-8'))
    begun = time.monotonic()

    engine.close()

    assert time.monotonic() - begun < 2.0
    assert not Path(f'/proc/{builder}').exists()
    assert not engine._supply._thread.is_alive()


def test_closing_frees_the_engine_on_the_gpu(fake_gpu: Say, standby: Open) -> None:
    fake_gpu()
    engine = standby()
    frames_until(engine, serves(engine, 'tensorrt'))

    engine.close()

    assert FakeGpuEngine.opened[-1].is_closed


def test_missing_gpu_is_an_error_by_name_and_a_reason_for_auto(
    fake_gpu: Say, bundle: Bundle
) -> None:
    fake_gpu(missing='There is no GPU here. Buy one.')

    with pytest.raises(EngineUnavailableError, match=r"'tensorrt' cannot .* Buy one\. With auto"):
        open_for_serving('tensorrt', bundle)
    with open_for_serving('auto', bundle) as engine:
        assert isinstance(engine, OnnxEngine)
        assert engine.reason.startswith('auto: onnxruntime is the best engine that works here.')
        assert 'tensorrt: There is no GPU here. Buy one.' in engine.reason


def test_auto_takes_the_gpu_and_says_so(fake_gpu: Say, bundle: Bundle) -> None:
    fake_gpu()

    with open_for_serving('auto', bundle) as engine:
        assert isinstance(engine, StandbyEngine)
        assert engine.reason == (
            'auto: tensorrt is the best engine that works here: Fake library 1.0 on fake GPU.'
        )


@pytest.mark.parametrize(
    ('asked', 'on_gpu', 'on_cpu'),
    [('auto', 'fp16', 'fp32'), ('fp16', 'fp16', 'fp32'), ('fp32', 'fp32', 'fp32')],
)
def test_precision_is_that_of_the_gpu_and_the_closest_on_the_cpu(
    asked: str, on_gpu: str, on_cpu: str, fake_gpu: Say, bundle: Bundle
) -> None:
    fake_gpu()

    with open_for_serving('tensorrt', bundle, precision=asked) as engine:
        assert isinstance(engine, StandbyEngine)
        assert engine.precision == on_cpu
        engine.start()
        frames_until(engine, serves(engine, 'tensorrt'))
        assert engine.precision == on_gpu


def test_bundle_without_the_file_is_an_error_by_name_and_a_reason_for_auto(
    fake_gpu: Say, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_gpu()

    with pytest.raises(BundleError, match=r'model\.int8\.trt\.onnx'):
        open_for_serving('tensorrt', bundle, precision='int8')

    def lacking(*_: object) -> None:
        msg = 'The bundle has no weights. Train some.'
        raise BundleError(msg)

    monkeypatch.setattr(FakeGpu, 'check_bundle', lacking)
    with open_for_serving('auto', bundle) as engine:
        assert engine.name == 'onnxruntime'
        assert 'tensorrt: The bundle has no weights. Train some.' in engine.reason


def test_auto_in_half_precision_without_a_gpu_says_what_became_of_the_gpus(
    fake_gpu: Say, bundle: Bundle
) -> None:
    fake_gpu(missing='There is no GPU here. Buy one.')

    with pytest.raises(EngineError, match=r"'fp16'.*tensorrt: There is no GPU here. Buy one\."):
        open_for_serving('auto', bundle, precision='fp16')


def test_precision_that_no_gpu_has_is_an_error(fake_gpu: Say, bundle: Bundle) -> None:
    fake_gpu()

    with pytest.raises(EngineError, match=r"'tensorrt': 'fp8'; expected one of auto, fp16, fp32"):
        open_for_serving('tensorrt', bundle, precision='fp8')
