# SPDX-License-Identifier: Apache-2.0
"""What a standby needs of an engine on a GPU: is it here, build it, open it; and what can fail."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Literal, TYPE_CHECKING

from seg_node.errors import DeviceError, EngineError, EngineUnavailableError, SegNodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from typing_extensions import Self

    from seg_node.bundle import Bundle
    from seg_node.engines.base import Engine

__all__ = ['FaultKind', 'GpuBackend', 'GpuError', 'GpuPlan', 'fault_of', 'plan_after']

FaultKind = Literal[
    'memory',
    'disk',
    'killed',
    'stalled',
    'stale',
    'refused',
    'wrong',
    'device',
    'spoilt',
    'unavailable',
]
"""No memory left; no space left; the builder was ended from outside; it made no progress; a stored
engine is of no use; the library cannot run the network; the self-check failed; the device failed;
it failed so that its context is lost for this process; library or device are not here."""


class GpuError(EngineError):
    """Why there is no engine on the GPU at present."""

    def __init__(self, text: str, kind: FaultKind, *, is_defect: bool = False) -> None:
        """Keep the kind, from which follows what is tried next.

        Args:
            text: What failed.
            kind: The same for programs.
            is_defect: Whether nobody thought of it.
        """
        super().__init__(text)
        self.kind: FaultKind = kind
        self.is_defect = is_defect


@dataclass(frozen=True, slots=True)
class GpuPlan:
    """What is to be built and opened.

    Attributes:
        image_size: Height and width of the camera's images [px].
        precision: Of the arithmetic.
        frugal: Whether to do with less memory, which may cost speed.
    """

    image_size: tuple[int, int]
    precision: str
    frugal: bool = False

    def __str__(self) -> str:
        """Return it in words."""
        height, width = self.image_size
        return f'{self.manner} for {width} x {height}'

    @property
    def manner(self) -> str:
        """All but the size, in words."""
        return f'{self.precision}{" in little memory" * self.frugal}'

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the plan of ``to_dict``, JSON's lists or not."""
        height, width = data['image_size']
        return cls((int(height), int(width)), str(data['precision']), bool(data['frugal']))


class GpuBackend(ABC):
    """One way to run a bundle on a GPU.

    Attributes:
        name: That of its engine in the registry.
        precisions: What it can be asked for, the fastest first.
    """

    name: ClassVar[str]
    precisions: ClassVar[Sequence[str]] = ('int8', 'fp16', 'fp32')

    @abstractmethod
    def device(self) -> str:
        """Return library and GPU for people, for example ``'TensorRT 10.16 on NVIDIA H100'``.

        Raises:
            EngineUnavailableError: If the library or the GPU is not here.
        """

    @abstractmethod
    def check_bundle(self, bundle: Bundle, precision: str) -> None:
        """Refuse a bundle that lacks a file which this precision needs.

        Raises:
            BundleError: If it does.
        """

    @abstractmethod
    def best_precision(self, bundle: Bundle) -> str:
        """Return what ``'auto'`` means for a bundle."""

    @abstractmethod
    def is_built(self, bundle: Bundle, plan: GpuPlan) -> bool:
        """Say whether ``open`` will find all it needs, so that nothing has to be built."""

    @abstractmethod
    def build(self, bundle: Bundle, plan: GpuPlan, on_progress: Callable[[float], None]) -> None:
        """Build what ``open`` needs and keep it on disk; called in a process of its own.

        Args:
            bundle: What is to be run.
            plan: How.
            on_progress: To be called with the share that is done, 0 to 1.

        Raises:
            EngineError: If the library refuses the network.
            DeviceError: If the GPU fails.
            OSError: If the disk is full.
        """

    @abstractmethod
    def open(self, bundle: Bundle, plan: GpuPlan) -> Engine:
        """Return an opened engine that was built before.

        Raises:
            EngineError: If it cannot be opened.
        """


def fault_of(error: Exception) -> GpuError:
    """Return an error of a library, a device or the system as a fault of a known kind."""
    if isinstance(error, GpuError):
        return error
    if isinstance(error, SegNodeError):
        return GpuError(str(error), _kind_of(error))
    if isinstance(error, OSError):
        return GpuError(f'The engine cannot be kept on disk: {error}.', 'disk')
    if isinstance(error, MemoryError):
        text = 'There is not enough memory for the engine.'
        return GpuError(text, 'memory')
    words = f'A defect of seg_node: {type(error).__name__}: {error}.'
    return GpuError(words, 'refused', is_defect=True)


def _kind_of(error: SegNodeError) -> FaultKind:
    if isinstance(error, DeviceError):
        if error.sticky:
            return 'spoilt'
        return 'memory' if error.out_of_memory else 'device'
    return 'unavailable' if isinstance(error, EngineUnavailableError) else 'refused'


def plan_after(plan: GpuPlan, kind: FaultKind, precisions: Sequence[str]) -> GpuPlan | None:
    """Return what to try after a fault; None if nothing is left to try.

    Args:
        plan: What failed.
        kind: How.
        precisions: From the fastest to the most exact.
    """
    if kind in ('spoilt', 'unavailable'):
        return None
    if kind in ('memory', 'killed'):
        return replace(plan, frugal=True)
    if kind in ('wrong', 'refused'):
        later = list(precisions)[list(precisions).index(plan.precision) + 1 :]
        return replace(plan, precision=later[0]) if later else None
    return plan
