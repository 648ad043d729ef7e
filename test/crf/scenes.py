# SPDX-License-Identifier: Apache-2.0
"""Images and probabilities for the tests of the dense CRF, and who is tested."""

from __future__ import annotations

from dataclasses import dataclass, replace
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seg_node.crf import CrfOptions, why_missing

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet
    import numpy.typing as npt

    from seg_node.crf.options import BackendName, Mode

    Float32Array = npt.NDArray[np.float32]
    UInt8Array = npt.NDArray[np.uint8]
    Scene = tuple[Float32Array, UInt8Array]


@dataclass(frozen=True)
class Solver:
    """A back end in one of its modes, and how near it comes.

    Attributes:
        backend: Name of the back end.
        mode: Its mode.
        same: Least share of labels that pydensecrf gives, too, on ``streets``.
        same_changes: The same among the pixels whose label pydensecrf changes.
    """

    backend: BackendName
    mode: Mode = 'exact'
    same: float = 0.998
    same_changes: float = 0.99

    @property
    def is_exact(self) -> bool:
        """Whether every pixel takes part in every update."""
        return self.mode == 'exact'

    def set(self, options: CrfOptions) -> CrfOptions:
        """Return options for this solver."""
        return replace(options, backend=self.backend, mode=self.mode)


def solver_params(*, exact: bool = False) -> list[ParameterSet]:
    """Return the solvers, all or the exact ones, with marks that skip those that are not here."""
    required = os.environ.get('SEG_NODE_REQUIRE_NATIVE') == '1'
    missing = why_missing('native')
    native = pytest.mark.skipif(bool(missing) and not required, reason=missing)
    solvers = [
        pytest.param(Solver('numpy'), id='numpy'),
        pytest.param(Solver('pydensecrf'), id='pydensecrf', marks=pytest.mark.needs_crf),
        pytest.param(Solver('torch'), id='torch', marks=pytest.mark.needs_torch),
        pytest.param(Solver('native'), id='native-exact', marks=native),
        pytest.param(Solver('native', 'balanced', 0.99, 0.9), id='native-balanced', marks=native),
        pytest.param(Solver('native', 'fast', 0.98, 0.85), id='native-fast', marks=native),
    ]
    return solvers[:4] if exact else solvers


def street(classes: int = 3, height: int = 18, width: int = 25, seed: int = 0) -> Scene:
    """Return probabilities of noisy surfaces, each a pixel off, and the image of the surfaces."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    sizes = max(height // 3, 1), max(width // 4, 1)
    surface = rows // sizes[0] + 3 * (columns // sizes[1])
    colors = rng.integers(30, 220, (surface.max() + 1, 3))
    image = colors[surface] + rng.normal(0, 4, (height, width, 3))
    seen = np.roll(surface, (1, 1), (0, 1)) % classes
    scores = 2.0 * (np.arange(classes)[:, None, None] == seen)
    scores += rng.normal(0, 0.7, scores.shape)
    powers = np.exp(scores)
    shares = powers / powers.sum(axis=0)
    return shares.astype(np.float32), image.clip(0, 255).astype(np.uint8)
