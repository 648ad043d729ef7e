# SPDX-License-Identifier: Apache-2.0
"""OpenVINO on the CPU: optional, and a little faster than ONNX Runtime on some processors."""

from __future__ import annotations

from importlib import import_module
import os
from pathlib import Path
import sys
from typing import Any, ClassVar, TYPE_CHECKING

import numpy as np

from seg_node.engines.base import IMAGE, ScoreEngine, SCORES
from seg_node.engines.onnx_interface import check_interface
from seg_node.engines.private_folder import check_private
from seg_node.errors import EngineError

if TYPE_CHECKING:
    import numpy.typing as npt

    Float32Array = npt.NDArray[np.float32]

__all__ = ['OpenVinoEngine', 'properties']

CONVERTER = 'openvino.tools.ovc'
CACHE = 'SEG_NODE_OPENVINO_CACHE'


def _import_quietly() -> Any:
    """Import OpenVINO without its model converter.

    The converter is imported with it where it can be, and reports that import to a server of the
    vendor's and writes to the home folder. The engine has no use for it.
    """
    before = sys.modules.get(CONVERTER)
    sys.modules[CONVERTER] = before  # type: ignore[assignment]  # None: it cannot be imported
    try:
        return import_module('openvino')
    finally:
        if before is None:
            del sys.modules[CONVERTER]


ov = _import_quietly()


class OpenVinoEngine(ScoreEngine):
    """Runs what ONNX Runtime runs with OpenVINO's CPU plugin, one image of a batch at a time."""

    name: ClassVar[str] = 'openvino'
    precisions: ClassVar[tuple[str, ...]] = ('fp32', 'int8')
    _request: Any = None  # openvino is not typed where it is not installed

    def _open(self) -> None:
        path = self.bundle.network_path(self.precision)
        core = ov.Core()
        try:
            network = core.read_model(str(path))
            check_interface(
                self.bundle.manifest, _tensors(network.inputs), _tensors(network.outputs)
            )
            spec = self.bundle.manifest.input
            network.reshape({IMAGE: [1, 3, spec.height, spec.width]})
            self._request = core.compile_model(
                network, 'CPU', {**properties(self.threads), **_cache()}
            ).create_infer_request()
        except RuntimeError as err:
            raise EngineError(self._cannot_load(path, err)) from err
        self.device = 'CPU'

    def _cannot_load(self, path: Path, err: Exception) -> str:
        words = ' '.join(str(err).split())
        return (
            f'OpenVINO {ov.__version__} cannot load {str(path)!r} (opset '
            f'{self.bundle.manifest.opset}): {words} '
            'Update openvino, or choose the engine onnxruntime.'
        )

    def _infer(self, batch: Float32Array) -> Float32Array:
        """Let the network read the batch where it is and write into one and the same array."""
        batch = np.ascontiguousarray(batch)
        scores = self._scores_for(len(batch))
        try:
            for index in range(len(batch)):
                here = slice(index, index + 1)
                self._request.set_tensor(IMAGE, ov.Tensor(batch[here], shared_memory=True))
                self._request.set_tensor(SCORES, ov.Tensor(scores[here], shared_memory=True))
                self._request.infer(share_outputs=True)
        except RuntimeError as err:
            msg = f'OpenVINO failed on a batch of shape {batch.shape}: {err}'
            raise EngineError(msg) from err
        return scores

    def _close(self) -> None:
        self._request = None


def properties(threads: int) -> dict[str, Any]:
    """Return settings for one frame as soon as possible, on no more threads than allowed.

    Args:
        threads: That one inference may use.
    """
    return {
        'PERFORMANCE_HINT': 'LATENCY',
        'NUM_STREAMS': 1,
        'INFERENCE_NUM_THREADS': threads,
        # Two processes whose threads are tied to the same core would wait for each other.
        'ENABLE_CPU_PINNING': False,
        # Processors with AMX would take bfloat16 by themselves.
        'INFERENCE_PRECISION_HINT': 'f32',
    }


def _cache() -> dict[str, str]:
    """Return where compiled networks are kept: nowhere, unless the user names a folder.

    Raises:
        EngineError: If others own that folder or may write to it: what lies in it is run.
    """
    chosen = os.environ.get(CACHE)
    if not chosen:
        return {}
    folder = Path(chosen).expanduser()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_private(folder, CACHE)
    except OSError as err:
        msg = f'Folder {chosen!r} of {CACHE} cannot be used: {err.strerror}. Name another one.'
        raise EngineError(msg) from err
    return {'CACHE_DIR': str(folder)}


def _tensors(ports: Any) -> list[tuple[str, list[int | str | None]]]:
    """Return name and shape of inputs or outputs; open sides are ``'?'``."""
    return [
        (
            min(port.get_names(), default=''),
            [side.get_length() if side.is_static else '?' for side in port.partial_shape],
        )
        for port in ports
    ]
