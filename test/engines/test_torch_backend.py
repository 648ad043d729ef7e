# SPDX-License-Identifier: Apache-2.0
"""What can be said of torch on a GPU without importing torch."""

from __future__ import annotations

from importlib.machinery import ModuleSpec
import sys
from typing import Any, TYPE_CHECKING

import pytest

from seg_node.engines.torch_cuda import backend as torch_backend
from seg_node.engines.torch_cuda.backend import TorchBackend
from seg_node.errors import EngineUnavailableError

if TYPE_CHECKING:
    from pathlib import Path

WITH_CUDA = """
from typing import Optional
__version__ = '2.9.1+cu128'
debug = False
cuda: Optional[str] = '12.8'
hip: Optional[str] = None
"""
WITHOUT_CUDA = WITH_CUDA.replace("'12.8'", 'None').replace('cu128', 'cpu')


class Driver:
    """NVIDIA's driver with some GPUs."""

    def __init__(self, gpus: int) -> None:
        """Remember how many."""
        self.gpus = gpus

    def cuInit(self, flags: int) -> int:  # noqa: N802  # CUDA's name
        """Begin."""
        assert flags == 0
        return 0 if self.gpus else 100

    def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
        """Tell their number."""
        count._obj.value = self.gpus
        return 0

    def cuDeviceGet(self, device: Any, index: int) -> int:  # noqa: N802
        """Give one."""
        device._obj.value = index
        return 0

    def cuDeviceGetName(self, name: Any, size: int, device: Any) -> int:  # noqa: N802
        """Tell its name."""
        assert (len(name), device.value) == (size, 0)
        name.value = b'NVIDIA Stand-in'
        return 0


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that says which GPUs and which torch are here."""

    def set_up(gpus: int, version: str | None) -> None:
        (tmp_path / 'version.py').write_text(version or '', encoding='utf-8')
        found = ModuleSpec('torch', None, origin=str(tmp_path / '__init__.py'))
        monkeypatch.setattr(torch_backend, 'CDLL', lambda _: Driver(gpus))
        monkeypatch.setattr(torch_backend, 'find_spec', lambda _: found if version else None)
        monkeypatch.setitem(sys.modules, 'torch', None)

    return set_up


def test_torch_and_gpu_are_named_without_importing_torch(machine: Any) -> None:
    machine(1, WITH_CUDA)

    assert TorchBackend().device() == 'torch 2.9.1+cu128 on NVIDIA Stand-in'


@pytest.mark.parametrize(
    ('gpus', 'version', 'words'),
    [
        (0, WITH_CUDA, r'finds no GPU \(error 100 of CUDA\)'),
        (1, WITHOUT_CUDA, r'Torch 2\.9\.1\+cpu was built without CUDA'),
        (1, None, 'Torch is not installed: pip install torch'),
    ],
)
def test_what_is_missing_is_named(
    gpus: int, version: str | None, words: str, machine: Any
) -> None:
    machine(gpus, version)

    with pytest.raises(EngineUnavailableError, match=words):
        TorchBackend().device()


@pytest.mark.needs_torch
def test_version_of_the_torch_that_is_here_is_read_rightly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch  # noqa: PLC0415  # only this test needs it

    monkeypatch.setattr(torch_backend, 'CDLL', lambda _: Driver(1))

    try:
        said = TorchBackend().device()
    except EngineUnavailableError as err:
        assert torch.version.cuda is None
        said = str(err)

    assert torch.__version__ in said
