# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime on the CPU: the engine where there is no GPU."""

from __future__ import annotations

from typing import Any, cast, ClassVar, TYPE_CHECKING

import onnxruntime as ort

from seg_node.engines.base import CHANNELS, IMAGE, ScoreEngine, SCORES
from seg_node.errors import EngineError, TensorMismatchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

__all__ = ['OnnxEngine']


class OnnxEngine(ScoreEngine):
    """Runs ``model.onnx`` or ``model.int8.cpu.onnx`` with ONNX Runtime's CPU provider."""

    name: ClassVar[str] = 'onnxruntime'
    precisions: ClassVar[tuple[str, ...]] = ('fp32', 'int8')
    _session: Any = None  # onnxruntime is not typed

    def _open(self) -> None:
        is_int8 = self.precision == 'int8'
        path = self.bundle.int8_cpu_path if is_int8 else self.bundle.onnx_path
        try:
            session = ort.InferenceSession(
                str(path), self._options(), providers=['CPUExecutionProvider']
            )
        except Exception as err:  # its errors have no common base class
            msg = (
                f'ONNX Runtime {ort.__version__} cannot load {str(path)!r} (opset '
                f'{self.bundle.manifest.opset}): {err} '
                'Update onnxruntime or export the bundle again.'
            )
            raise EngineError(msg) from err
        self._check_interface(session)
        self._session = session
        self.device = 'CPU'

    def _options(self) -> ort.SessionOptions:
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        # Spinning would keep the cores busy between frames, and saves no latency.
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        options.log_severity_level = 3
        return options

    def _check_interface(self, session: ort.InferenceSession) -> None:
        """Compare the network's own words with the manifest, before the first frame."""
        manifest = self.bundle.manifest
        spec, stride = manifest.input, manifest.output_stride
        scores = [len(manifest.taxonomy), spec.height // stride, spec.width // stride]
        _check_shapes(IMAGE, session.get_inputs(), [CHANNELS, spec.height, spec.width])
        _check_shapes(SCORES, [one for one in session.get_outputs() if one.name == SCORES], scores)

    def _infer(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        try:
            (scores,) = self._session.run([SCORES], {IMAGE: batch})
        except Exception as err:  # its errors have no common base class
            msg = f'ONNX Runtime failed on a batch of shape {batch.shape}: {err}'
            raise EngineError(msg) from err
        return cast('npt.NDArray[np.float32]', scores)

    def _close(self) -> None:
        self._session = None


def _check_shapes(name: str, tensors: Sequence[ort.NodeArg], shape: list[int]) -> None:
    """Refuse a network that has not exactly one such tensor of that shape, whatever the batch.

    A side that the network leaves open is known only after a run, which is checked as well.
    """
    got = [(one.name, one.shape[1:]) for one in tensors]
    fits = len(got) == 1 and got[0][0] == name and len(got[0][1]) == len(shape)
    if fits:
        sides = zip(got[0][1], shape, strict=True)
        fits = all(side == wanted or not isinstance(side, int) for side, wanted in sides)
    if not fits:
        raise TensorMismatchError(
            name,
            expected=f'one of shape (N, {", ".join(map(str, shape))})',
            got=', '.join(f'{one!r} of shape (N, {sides})' for one, sides in got) or 'none',
            remedy='Network and manifest disagree: export the bundle with "seg export".',
        )
