# SPDX-License-Identifier: Apache-2.0
"""Which of NVIDIA's libraries is here: TensorRT 10, TensorRT 11 or TensorRT for RTX.

One strongly typed path serves all three: types stand in the ONNX graph and nowhere else. What
differs between them is said here and in ``builder``.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
import logging
from typing import Any

from seg_node.errors import EngineError, EngineUnavailableError, one_of

__all__ = ['FLAVOURS', 'Messages', 'TensorRTLibrary', 'collecting_logger', 'find_library']

# In order of preference: on GPUs that both support, the full library chooses faster kernels.
FLAVOURS = {'tensorrt': 'TensorRT', 'tensorrt_rtx': 'TensorRT for RTX'}
OLDEST = 10
LAST_WITH_WEAK_TYPES = 10
TURING = (7, 5)  # TensorRT for RTX knows it, but leaves it out of engines for several GPUs
MOST_MESSAGES = 20

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TensorRTLibrary:
    """One of the libraries, imported.

    Attributes:
        module: ``tensorrt`` or ``tensorrt_rtx``; the same names are in both.
        flavour: Name of the module.
        version: Full version with the build number: engine files are of use to no other.
    """

    module: Any
    flavour: str
    version: str

    @property
    def title(self) -> str:
        """Name and version, for people."""
        return f'{FLAVOURS[self.flavour]} {self.version}'

    @property
    def is_portable(self) -> bool:
        """Whether engines are built without a GPU and run on every GPU that is supported."""
        return self.flavour == 'tensorrt_rtx'

    @property
    def network_flags(self) -> int:
        """What ``create_network`` takes for a strongly typed network.

        TensorRT 10 has to be asked for it; later ones and TensorRT for RTX have nothing else.
        """
        if self.is_portable or _major(self.version) > LAST_WITH_WEAK_TYPES:
            return 0
        return 1 << int(self.module.NetworkDefinitionCreationFlag.STRONGLY_TYPED)

    def check_gpu(self, name: str, capability: tuple[int, int]) -> None:
        """Refuse a GPU for which this library has no kernels.

        Only TensorRT for RTX says beforehand what it supports.

        Args:
            name: Of the GPU, for people.
            capability: Its compute capability, major and minor.

        Raises:
            EngineUnavailableError: If it is not supported.
        """
        known = getattr(self.module, 'ComputeCapability', None)
        if not self.is_portable or known is None:
            return
        numbers = [one[2:] for one in known.__members__ if one.startswith('SM')]
        supported = {(int(one[:-1]), int(one[-1])) for one in numbers} - {TURING}
        if capability not in supported:
            listed = ', '.join(f'{major}.{minor}' for major, minor in sorted(supported))
            msg = (
                f'{self.title} does not support {name} (compute capability {capability[0]}.'
                f'{capability[1]}); expected one of {listed}. Install tensorrt instead, as '
                'docs/tensorrt.md says.'
            )
            raise EngineUnavailableError(msg)

    def new_context(self, engine: Any, *, is_fixed: bool) -> Any:
        """Return an execution context of an engine; ``None`` if the library cannot make one.

        Args:
            engine: Deserialised by this library.
            is_fixed: Whether all its shapes are known.
        """
        if is_fixed or not self.is_portable:
            return engine.create_execution_context()
        # By itself TensorRT for RTX exchanges kernels while it runs, once it has compiled better
        # ones for a shape; a CUDA graph would go on to launch those it was recorded with.
        config = engine.create_runtime_config()
        strategies = self.module.DynamicShapesKernelSpecializationStrategy
        config.dynamic_shapes_kernel_specialization_strategy = strategies.EAGER
        return engine.create_execution_context(config)


def find_library(flavour: str | None = None) -> TensorRTLibrary:
    """Import the library.

    Args:
        flavour: One of ``FLAVOURS``; by default the first of them that is here.

    Raises:
        EngineError: If there is no such flavour.
        EngineUnavailableError: If it is not installed, cannot be loaded or is too old; the message
            says so for each one that was tried.
    """
    if flavour is not None and flavour not in FLAVOURS:
        raise EngineError(one_of('flavour of TensorRT', flavour, FLAVOURS))
    refusals = []
    for name in FLAVOURS if flavour is None else (flavour,):
        try:
            module = import_module(name)
        # Bindings without their shared libraries raise errors of several kinds.
        except (ImportError, OSError, RuntimeError) as err:
            refusals.append(f'{name}: {err}.')
            continue
        version = str(module.__version__)
        if name == 'tensorrt' and _major(version) < OLDEST:
            refusals.append(f'{name}: version {version} is older than {OLDEST}.0.')
            continue
        return TensorRTLibrary(module, name, version)
    msg = (
        f'TensorRT cannot be used here. {" ".join(refusals)} Install what fits the GPU, for '
        "example pip install 'seg_node[gpu]' or 'seg_node[rtx]'; see docs/tensorrt.md."
    )
    raise EngineUnavailableError(msg)


class Messages:
    """What the library said, newest last; the errors explain why it returned nothing."""

    def __init__(self) -> None:
        """Begin without messages."""
        self.errors: list[str] = []
        self.warnings: list[str] = []

    def add(self, severity: str, text: str) -> None:
        """Keep a message if it matters; severity as the library names it."""
        if severity in ('ERROR', 'INTERNAL_ERROR'):
            self.errors = [*self.errors, text][-MOST_MESSAGES:]
            logger.debug('%s', text)
        elif severity == 'WARNING':
            self.warnings = [*self.warnings, text][-MOST_MESSAGES:]
            logger.debug('%s', text)

    def explained(self) -> str:
        """Return the errors as one text."""
        return ' '.join(dict.fromkeys(self.errors)) or 'It gave no reason.'

    @property
    def lacks_memory(self) -> bool:
        """Whether memory of the GPU ran out."""
        text = ' '.join(self.errors).lower().replace(' ', '')
        return 'outofmemory' in text or 'insufficientmemory' in text


def collecting_logger(library: TensorRTLibrary, messages: Messages) -> Any:
    """Return a logger for the library that fills ``messages``.

    It must outlive whatever was made with it.
    """

    class Collector(library.module.ILogger):  # type: ignore[misc, name-defined]  # not typed
        """Hands messages over."""

        def log(self, severity: Any, text: str) -> None:
            """Take one; the library calls this, from any of its threads."""
            messages.add(severity.name, text)

    return Collector()


def _major(version: str) -> int:
    return int(version.partition('.')[0])
