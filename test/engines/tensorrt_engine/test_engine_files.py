# SPDX-License-Identifier: Apache-2.0
"""Files of engines: which are built, kept, built anew or put aside, and which must not be."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any, TYPE_CHECKING

import pytest

from engines.tensorrt_engine.frames import ALL, images, SIZE
from fake_tensorrt import runtime_of
from seg_node.engines.base import Wanted
from seg_node.errors import DeviceError, EngineError

if TYPE_CHECKING:
    from pathlib import Path

    from engines.tensorrt_engine.conftest import Make
    from recorded_cuda import RecordedCuda

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_tensorrt_rtx,
]


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
