# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime on the CPU: the engine where there is no GPU."""

from __future__ import annotations

from typing import cast, ClassVar, TYPE_CHECKING

import onnxruntime as ort

from seg_node.engines.base import CHANNELS, Engine, IMAGE, SCORES
from seg_node.errors import EngineError, TensorMismatchError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ['OnnxEngine']


class OnnxEngine(Engine):
    """Runs ``model.onnx`` with ONNX Runtime's CPU provider."""

    name: ClassVar[str] = 'onnxruntime'

    def _open(self) -> None:
        path = self.bundle.onnx_path
        try:
            self._session = ort.InferenceSession(
                str(path), self._options(), providers=['CPUExecutionProvider']
            )
        except Exception as err:  # its errors have no common base class
            msg = (
                f'ONNX Runtime {ort.__version__} cannot load {str(path)!r} (opset '
                f'{self.bundle.manifest.opset}): {err} '
                'Update onnxruntime or export the bundle again.'
            )
            raise EngineError(msg) from err
        self._check_interface()
        self.device = 'CPU'

    def _options(self) -> ort.SessionOptions:
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        # Spinning between frames costs 40 % more CPU per frame and no less latency (measured).
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        options.log_severity_level = 3
        return options

    def _check_interface(self) -> None:
        """Compare the network's own words with the manifest, before the first frame."""
        spec = self.bundle.manifest.input
        got = [(one.name, one.shape[1:]) for one in self._session.get_inputs()]
        outputs = [one.name for one in self._session.get_outputs()]
        expected = [(IMAGE, [CHANNELS, spec.height, spec.width])]
        if got != expected or SCORES not in outputs:
            raise TensorMismatchError(
                IMAGE,
                expected=f'inputs {expected} and an output {SCORES!r}',
                got=f'inputs {got} and outputs {outputs}',
                remedy='Network and manifest disagree: export the bundle with "seg export".',
            )

    def _infer(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        try:
            (scores,) = self._session.run([SCORES], {IMAGE: batch})
        except Exception as err:  # its errors have no common base class
            msg = f'ONNX Runtime failed on a batch of shape {batch.shape}: {err}'
            raise EngineError(msg) from err
        return cast('npt.NDArray[np.float32]', scores)

    def _close(self) -> None:
        del self._session
