# SPDX-License-Identifier: Apache-2.0
"""From an ONNX graph to a serialised engine of TensorRT 10, TensorRT 11 or TensorRT for RTX.

The network is strongly typed: what the graph says is fp16 runs in fp16, and nothing else does.
TensorRT for RTX builds on a machine without a GPU; the other two need the GPU that the engine is
for, and a few minutes of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
import logging
import threading
from typing import Any, TYPE_CHECKING

from seg_node.engines.tensorrt.library import collecting_logger, Messages
from seg_node.engines.tensorrt.tensors import check_network
from seg_node.errors import DeviceError, EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seg_node.engines.tensorrt.library import TensorRTLibrary
    from seg_node.engines.tensorrt.tensors import Tensor

    Shape = tuple[int, ...]
    OnProgress = Callable[[float, str], None]

__all__ = ['BuildOptions', 'build_engine']

MIB = 1 << 20

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What the builder is told beside graph and shapes.

    Attributes:
        workspace_mib: Most memory of the GPU that a layer may use while it runs [MiB]; by default
            all there is. Less keeps a small device from failing, and may cost speed.
        tf32: Whether fp32 may be computed with the mantissa of fp16, as NVIDIA does by default;
            without it fp32 is what the name says.
    """

    workspace_mib: int | None = None
    tf32: bool = False

    def __str__(self) -> str:
        """Return them for the key of an engine."""
        return f'workspace {self.workspace_mib or "all"}, tf32 {self.tf32}'


def build_engine(
    library: TensorRTLibrary,
    onnx: bytes,
    tensors: Sequence[Tensor],
    *,
    profile: Mapping[str, tuple[Shape, Shape, Shape]] | None = None,
    options: BuildOptions | None = None,
    on_progress: OnProgress | None = None,
) -> bytes:
    """Build an engine.

    Args:
        library: Which library builds.
        onnx: The serialised graph.
        tensors: Inputs and outputs that it must have, no more and no less.
        profile: Least, usual and largest shape of each input whose shape is not fixed.
        options: See there.
        on_progress: Gets the share that is done, 0 to 1, and what goes on; an exception from it
            ends the build and reaches the caller.

    Returns:
        The serialised engine, for this version of the library alone.

    Raises:
        EngineError: If the library refuses the graph or cannot build it; with its own words.
        TensorMismatchError: If the graph has other inputs or outputs.
        DeviceError: If there is no GPU where one is needed, or its memory does not suffice.
    """
    trt, messages = library.module, Messages()
    log = collecting_logger(library, messages)
    try:
        builder = trt.Builder(log)
    except TypeError as err:  # how the bindings say that there is no builder
        msg = (
            f'{library.title} cannot build here: {messages.explained()} It needs the GPU that the '
            'engine is for, and its driver.'
        )
        raise DeviceError(msg) from err
    network = builder.create_network(library.network_flags)
    parser = trt.OnnxParser(network, log)
    if not parser.parse(onnx):
        raise EngineError(_refusal(library, parser, messages))
    check_network(network, tensors)
    monitor = _monitor(trt, on_progress)
    config = _config(trt, builder, options or BuildOptions(), monitor)
    _add_profile(builder, config, profile or {})
    plan = builder.build_serialized_network(network, config)
    if monitor.failure is not None:
        raise monitor.failure
    if plan is None:
        raise _failure(library, messages)
    return bytes(plan)


def _config(trt: Any, builder: Any, options: BuildOptions, monitor: Any) -> Any:
    config = builder.create_builder_config()
    config.progress_monitor = monitor
    if options.workspace_mib is not None:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace_mib * MIB)
    if not options.tf32:
        config.clear_flag(trt.BuilderFlag.TF32)
    # TensorRT for RTX records its work in a CUDA graph only if it never allocates by itself.
    if hasattr(trt.BuilderFlag, 'REQUIRE_USER_ALLOCATION'):
        config.set_flag(trt.BuilderFlag.REQUIRE_USER_ALLOCATION)
    return config


def _add_profile(
    builder: Any, config: Any, profile: Mapping[str, tuple[Shape, Shape, Shape]]
) -> None:
    if not profile:
        return
    made = builder.create_optimization_profile()
    for name, shapes in profile.items():
        made.set_shape(name, *shapes)
    if config.add_optimization_profile(made) < 0:
        msg = f'Shapes {dict(profile)!r} are no valid profile; expected least <= usual <= largest.'
        raise EngineError(msg)


def _refusal(library: TensorRTLibrary, parser: Any, messages: Messages) -> str:
    """Say which node of the graph the parser does not take, and why."""
    words = []
    for index in range(parser.num_errors):
        fault = parser.get_error(index)
        # Without a driver, every fault is followed by one that only says so.
        lines = [line for line in fault.desc().splitlines() if 'catchCudaError' not in line]
        words.append(f'node {fault.node_name()!r} ({fault.node_operator()}): {" ".join(lines)}')
    listed = '; '.join(words) or messages.explained().rstrip('.')
    return (
        f'{library.title} cannot read the network: {listed}. Export the bundle again; if that '
        'does not help, report the node.'
    )


def _failure(library: TensorRTLibrary, messages: Messages) -> EngineError:
    text = f'{library.title} could not build the engine: {messages.explained()}'
    if messages.lacks_memory:
        text += ' Close other programs on the GPU, or build with less --workspace or --batch.'
        return DeviceError(text, out_of_memory=True)
    return EngineError(text)


@dataclass
class _Phase:
    """A phase of the build: steps, and the phase that goes on inside the present step."""

    steps: int
    parent: str | None
    done: int = 0
    child: str | None = field(default=None)


class BuildProgress:
    """Turns nested phases into one share that never falls.

    The library calls from several threads; phases have names, and a phase lies within the step
    that its parent is at.
    """

    def __init__(self, on_progress: OnProgress | None) -> None:
        """Report to a function, or to nobody."""
        self._report = on_progress
        self._phases: dict[str, _Phase] = {}
        self._lock = threading.Lock()
        self._share = 0.0
        self.failure: BaseException | None = None

    def start(self, name: str, parent: str | None, steps: int) -> None:
        """Enter a phase."""
        with self._lock:
            self._phases[name] = _Phase(max(steps, 1), parent)
            if parent is not None and parent in self._phases:
                self._phases[parent].child = name
        self._tell(name)

    def step(self, name: str) -> bool:
        """Count a step as done; return whether to go on."""
        with self._lock:
            phase = self._phases.get(name)
            if phase is not None:
                phase.done = min(phase.done + 1, phase.steps)
                phase.child = None
        return self._tell(name)

    def finish(self, name: str) -> None:
        """Leave a phase."""
        with self._lock:
            phase = self._phases.get(name)
            if phase is not None:
                phase.done, phase.child = phase.steps, None
        self._tell(name)

    def _tell(self, name: str) -> bool:
        """Report; an exception is kept, because it must not cross the library."""
        if self.failure is not None:
            return False
        with self._lock:
            roots = [one for one, phase in self._phases.items() if phase.parent is None]
            self._share = max(self._share, self._share_of(roots[0]) if roots else 0.0)
        try:
            if self._report is not None:
                self._report(self._share, name)
        except BaseException as err:  # noqa: BLE001 - raised again by build_engine
            self.failure = err
        return self.failure is None

    def _share_of(self, name: str) -> float:
        phase = self._phases[name]
        inside = self._share_of(phase.child) if phase.child is not None else 0.0
        return min((phase.done + inside) / phase.steps, 1.0)


def _monitor(trt: Any, on_progress: OnProgress | None) -> Any:
    """Return a progress monitor of the library."""

    class Monitor(trt.IProgressMonitor, BuildProgress):  # type: ignore[misc]  # not typed
        """Hands phases over."""

        def __init__(self) -> None:
            """Initialise both parents; the library's one takes no arguments."""
            trt.IProgressMonitor.__init__(self)
            BuildProgress.__init__(self, on_progress)

        def phase_start(self, name: str, parent: str | None, steps: int) -> None:
            """Enter a phase."""
            self.start(name, parent, steps)

        def step_complete(self, name: str, step: int) -> bool:
            """Count a step."""
            del step  # some phases leave steps out, others run in threads: they are counted
            return self.step(name)

        def phase_finish(self, name: str) -> None:
            """Leave a phase."""
            self.finish(name)

    return Monitor()
