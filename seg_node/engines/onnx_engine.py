# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime on the CPU: the engine where there is no GPU."""

from __future__ import annotations

from typing import Any, ClassVar, TYPE_CHECKING

import numpy as np
import onnxruntime as ort

from seg_node.engines.base import IMAGE, ScoreEngine, SCORES
from seg_node.engines.onnx_interface import check_interface
from seg_node.errors import EngineError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    Float32Array = npt.NDArray[np.float32]

__all__ = ['OnnxEngine', 'session_options']


class OnnxEngine(ScoreEngine):
    """Runs ``model.onnx`` or ``model.int8.cpu.onnx`` with ONNX Runtime's CPU provider."""

    name: ClassVar[str] = 'onnxruntime'
    precisions: ClassVar[tuple[str, ...]] = ('fp32', 'int8')
    _session: Any = None  # onnxruntime is not typed
    _binding: Any = None

    def _open(self) -> None:
        session = self._load(self.bundle.network_path(self.precision))
        check_interface(
            self.bundle.manifest,
            [(one.name, one.shape) for one in session.get_inputs()],
            [(one.name, one.shape) for one in session.get_outputs()],
        )
        self._session, self._binding = session, session.io_binding()
        self.device = 'CPU'

    def _load(self, path: Path) -> ort.InferenceSession:
        try:
            return ort.InferenceSession(
                str(path), session_options(self.threads), providers=['CPUExecutionProvider']
            )
        except Exception as err:  # its errors have no common base class
            msg = (
                f'ONNX Runtime {ort.__version__} cannot load {str(path)!r} (opset '
                f'{self.bundle.manifest.opset}): {err} '
                'Update onnxruntime or export the bundle again.'
            )
            raise EngineError(msg) from err

    def _infer(self, batch: Float32Array) -> Float32Array:
        """Let the network read the batch where it is and write into one and the same array."""
        batch = np.ascontiguousarray(batch)
        scores = self._scores_for(len(batch))
        try:
            for bind, name, array in (
                (self._binding.bind_input, IMAGE, batch),
                (self._binding.bind_output, SCORES, scores),
            ):
                bind(name, 'cpu', 0, np.float32, array.shape, array.ctypes.data)
            self._session.run_with_iobinding(self._binding)
        except Exception as err:  # its errors have no common base class
            msg = f'ONNX Runtime failed on a batch of shape {batch.shape}: {err}'
            raise EngineError(msg) from err
        return scores

    def _close(self) -> None:
        self._session = self._binding = None


def session_options(threads: int) -> ort.SessionOptions:
    """Return the settings that won in ``benchmarks/bench_cpu_engines.py``; see docs/cpu.md.

    Args:
        threads: That one inference may use, the calling one among them.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning would keep the cores busy between frames; on two busy cores it saved no latency.
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.enable_cpu_mem_arena = True
    options.log_severity_level = 3
    return options
