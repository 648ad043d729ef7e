# SPDX-License-Identifier: Apache-2.0
"""Finding NVIDIA's library: the real TensorRT for RTX, and stand-ins for what is not installed.

A stand-in has a version and flags, as NVIDIA documents them. It says nothing about TensorRT.
"""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from seg_node.engines.tensorrt.library import (
    collecting_logger,
    find_library,
    Messages,
    TensorRTLibrary,
)
from seg_node.errors import EngineError, EngineUnavailableError


def stand_in(version: str) -> Any:
    """Return a module with the version and the flags of TensorRT 10."""
    module: Any = ModuleType('tensorrt')
    module.__version__ = version
    module.NetworkDefinitionCreationFlag = SimpleNamespace(EXPLICIT_BATCH=0, STRONGLY_TYPED=1)
    return module


def rtx_stand_in(names: str) -> TensorRTLibrary:
    """Return TensorRT for RTX with the compute capabilities of names such as ``'SM75 SM80'``."""
    module: Any = ModuleType('tensorrt_rtx')
    members = dict.fromkeys(['NONE', 'CURRENT', *names.split()])
    module.ComputeCapability = SimpleNamespace(__members__=members)
    return TensorRTLibrary(module, 'tensorrt_rtx', '1.7.1.116')


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('tensorrt', 'tensorrt_rtx'):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.needs_tensorrt_rtx
def test_the_installed_library_is_found_with_its_full_version() -> None:
    library = find_library('tensorrt_rtx')

    assert library.title == f'TensorRT for RTX {library.version}'
    assert library.version.count('.') == 3
    assert library.is_portable
    assert library.network_flags == 0


@pytest.mark.needs_tensorrt_rtx
def test_the_installed_library_builds_for_consumer_gpus_and_not_for_hopper_and_orin() -> None:
    library = find_library('tensorrt_rtx')

    library.check_gpu('NVIDIA GeForce RTX 4090', (8, 9))
    library.check_gpu('NVIDIA GeForce RTX 5090', (12, 0))
    with pytest.raises(EngineUnavailableError, match=r'H100 \(compute capability 9\.0\)'):
        library.check_gpu('NVIDIA H100', (9, 0))
    with pytest.raises(EngineUnavailableError, match=r'8\.6, 8\.9.* Install tensorrt instead'):
        library.check_gpu('Orin', (8, 7))


def test_turing_is_left_out_though_its_name_is_known() -> None:
    with pytest.raises(EngineUnavailableError, match=r'expected one of 8\.0, 12\.0\.'):
        rtx_stand_in('SM75 SM80 SM120').check_gpu('T4', (7, 5))


@pytest.mark.usefixtures('nothing_installed')
@pytest.mark.parametrize(
    ('version', 'flags'), [('10.3.0.30', 2), ('10.16.1.11', 2), ('11.4.0.106', 0)]
)
def test_only_tensorrt_10_is_asked_for_strong_types(
    version: str, flags: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, 'tensorrt', stand_in(version))

    library = find_library()

    assert library.title == f'TensorRT {version}'
    assert library.network_flags == flags
    assert not library.is_portable


def test_the_full_library_goes_before_the_one_for_rtx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'tensorrt', stand_in('10.3.0.30'))
    monkeypatch.setitem(sys.modules, 'tensorrt_rtx', stand_in('1.7.1.116'))

    assert find_library().flavour == 'tensorrt'
    assert find_library('tensorrt_rtx').flavour == 'tensorrt_rtx'


@pytest.mark.usefixtures('nothing_installed')
def test_without_a_library_it_is_said_which_were_tried_and_what_to_install() -> None:
    with pytest.raises(EngineUnavailableError) as caught:
        find_library()

    text = str(caught.value)
    assert 'tensorrt: ' in text
    assert 'tensorrt_rtx: ' in text
    assert 'pip install' in text


@pytest.mark.usefixtures('nothing_installed')
def test_an_old_library_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'tensorrt', stand_in('8.6.1'))

    with pytest.raises(EngineUnavailableError, match=r'version 8\.6\.1 is older than 10\.0'):
        find_library()


@pytest.mark.usefixtures('nothing_installed')
def test_bindings_without_their_shared_libraries_count_as_absent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(name: str) -> ModuleType:
        msg = 'libnvinfer.so.10: cannot open shared object file'
        raise OSError(msg) if name == 'tensorrt' else ImportError(name)

    monkeypatch.setattr('seg_node.engines.tensorrt.library.import_module', broken)

    with pytest.raises(EngineUnavailableError, match=r'tensorrt: libnvinfer\.so\.10'):
        find_library()


def test_an_unknown_flavour_is_refused() -> None:
    with pytest.raises(EngineError, match="Unknown flavour of TensorRT 'trt'"):
        find_library('trt')


@pytest.mark.needs_tensorrt_rtx
def test_errors_and_warnings_of_the_library_are_collected() -> None:
    library, messages = find_library('tensorrt_rtx'), Messages()
    severity = library.module.ILogger.Severity
    log = collecting_logger(library, messages)

    log.log(severity.VERBOSE, 'much')
    log.log(severity.WARNING, 'beware')
    log.log(severity.ERROR, 'twice')
    log.log(severity.ERROR, 'twice')
    log.log(severity.INTERNAL_ERROR, 'broken')

    assert messages.warnings == ['beware']
    assert messages.explained() == 'twice broken'


def test_silence_of_the_library_is_said() -> None:
    assert Messages().explained() == 'It gave no reason.'
