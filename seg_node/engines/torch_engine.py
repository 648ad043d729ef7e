# SPDX-License-Identifier: Apache-2.0
"""Torch on the CPU: the network as it was trained, for development and as a reference."""

from __future__ import annotations

from typing import Any, cast, ClassVar, TYPE_CHECKING

import torch

from seg_node.engines.base import ScoreEngine
from seg_node.errors import BundleError, EngineError
from seg_node.model.build import build_network
from seg_node.model.config import NetConfig
from seg_node.model.weights import load_weights

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from seg_node.bundle import Bundle
    from seg_node.engines.base import Engine
    from seg_node.model.network import SegNet

__all__ = ['TorchEngine', 'best_torch_engine', 'trained_network']


class TorchEngine(ScoreEngine):
    """Builds the network of the manifest and fills it with the bundle's weights.

    Torch has one thread count per process: it is set for each inference and put back after it.
    """

    name: ClassVar[str] = 'torch'
    _network: Any = None  # a SegNet while the engine is open

    def _open(self) -> None:
        self._network = trained_network(self.bundle)
        self.device = 'CPU'

    def _infer(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            with torch.inference_mode():
                scores = self._network(torch.from_numpy(batch))
        except RuntimeError as err:
            msg = f'Torch {torch.__version__} failed on a batch of shape {batch.shape}: {err}'
            raise EngineError(msg) from err
        finally:
            torch.set_num_threads(before)
        return cast('npt.NDArray[np.float32]', scores.contiguous().numpy())

    def _close(self) -> None:
        self._network = None


def trained_network(bundle: Bundle) -> SegNet:
    """Return the network of a bundle, on the processor and in evaluation mode.

    Raises:
        BundleError: If the bundle has no weights for torch, or they do not fit.
    """
    weights = bundle.weights_path  # first: an imported ONNX has none, and no architecture
    network = build_network(NetConfig.from_dict(bundle.manifest.architecture))
    load_weights(network, weights)
    try:
        network.coarsen(bundle.manifest.output_stride)
    except ValueError as err:
        msg = (
            f'Network and manifest of bundle {bundle.manifest.name!r} disagree: {err} Export it '
            'again with "seg export".'
        )
        raise BundleError(msg) from err
    return network.eval()


def best_torch_engine() -> type[Engine]:
    """Return the engine for the GPU where torch finds one, else the one for the processor."""
    if torch.cuda.is_available():
        from seg_node.engines.torch_cuda.engine import (  # noqa: PLC0415  # it imports this module
            TorchCudaEngine,
        )

        return TorchCudaEngine
    return TorchEngine
