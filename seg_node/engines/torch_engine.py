# SPDX-License-Identifier: Apache-2.0
"""Torch on the CPU: the network as it was trained, for development and as a reference."""

from __future__ import annotations

from typing import Any, cast, ClassVar, TYPE_CHECKING

import torch

from seg_node.engines.base import ScoreEngine
from seg_node.errors import EngineError
from seg_node.model.build import build_network
from seg_node.model.config import NetConfig
from seg_node.model.weights import load_weights

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ['TorchEngine']


class TorchEngine(ScoreEngine):
    """Builds the network of the manifest and fills it with the bundle's weights.

    Torch has one thread count per process: it is set for each inference and put back after it.
    """

    name: ClassVar[str] = 'torch'
    _network: Any = None  # a SegNet while the engine is open

    def _open(self) -> None:
        weights = self.bundle.weights_path  # first: an imported ONNX has none, and no architecture
        config = NetConfig.from_dict(self.bundle.manifest.architecture)
        network = build_network(config)
        load_weights(network, weights)
        self._network = network.eval()
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
