# SPDX-License-Identifier: Apache-2.0
"""CRF back ends by name; nothing is imported before it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast, Protocol, runtime_checkable, TYPE_CHECKING

from seg_node.errors import CrfError, one_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from seg_node.crf.options import CrfOptions
    from seg_node.imaging import Placement

    Float32Array = npt.NDArray[np.float32]
    UInt8Array = npt.NDArray[np.uint8]

__all__ = [
    'AUTO',
    'BACKENDS',
    'Backend',
    'CheckingBackend',
    'Choice',
    'DeviceBackend',
    'ScoresBackend',
    'choose',
    'why_missing',
]

AUTO = 'auto'
# Strings, so that no import chain leads from the running node to torch.
BACKENDS = {
    'native': 'seg_node.crf.native_backend',
    'numpy': 'seg_node.crf.numpy_backend',
    'pydensecrf': 'seg_node.crf.pydensecrf_backend',
    'torch': 'seg_node.crf.torch_backend',
}
# In order of preference; the last one always works.
CANDIDATES = ('native', 'pydensecrf', 'numpy')


class Backend(Protocol):
    """A module that computes the mean field of a dense CRF.

    What it is given was checked by ``seg_node.crf.refine``: probabilities (K, H, W) float32,
    C-contiguous, finite, not negative, summing to 1, and an image (H, W, 3) uint8, C-contiguous,
    of the same pixels. It changes neither.
    """

    def why_missing(self) -> str:
        """Return why it cannot work here and what to do about it; empty if it can."""

    def marginals(
        self, probabilities: Float32Array, image: UInt8Array, options: CrfOptions
    ) -> Float32Array:
        """Return (K, H, W) float32 marginals, the caller's own."""

    def labels(
        self, probabilities: Float32Array, image: UInt8Array, options: CrfOptions
    ) -> UInt8Array:
        """Return (H, W) uint8, the class with the largest marginal."""


@runtime_checkable
class CheckingBackend(Backend, Protocol):
    """A back end that looks through probabilities faster than numpy does."""

    def extremes(self, probabilities: Float32Array, threads: int) -> tuple[float, float]:
        """Return by how much the sum of a pixel misses 1 at most, and the lowest value.

        The first is not finite if a sum is not.

        Args:
            probabilities: (K, H, W) float32, C-contiguous, of any values.
            threads: As many share the work.
        """


@runtime_checkable
class ScoresBackend(Backend, Protocol):
    """A back end that scales the network's scores to the image on its way."""

    def labels_of_scores(
        self,
        scores: Float32Array,
        window: tuple[int, int, int, int],
        temperature: float,
        image: UInt8Array,
        options: CrfOptions,
    ) -> UInt8Array:
        """Return (H, W) uint8 labels.

        Args:
            scores: (K, h, w) float32, C-contiguous, finite.
            window: Top, left, height and width of the part of the scores that the image fills.
            temperature: Divisor of the scores, above 0.
            image: (H, W, 3) uint8 RGB, C-contiguous.
            options: As for ``labels``.
        """


@runtime_checkable
class DeviceBackend(Backend, Protocol):
    """A back end that takes scores where the network left them, on a GPU."""

    def labels_on_device(
        self,
        scores: Any,
        placement: Placement,
        temperature: float,
        image: UInt8Array,
        options: CrfOptions,
    ) -> UInt8Array:
        """Return (H, W) uint8 labels.

        Args:
            scores: (K, h, w) float32 tensor.
            placement: Where the image lies in the network's input.
            temperature: Divisor of the scores, above 0.
            image: (H, W, 3) uint8 RGB, C-contiguous.
            options: As for ``labels``.
        """


@dataclass(frozen=True, slots=True)
class Choice:
    """A back end that works here.

    Attributes:
        name: One of ``BACKENDS``.
        backend: Its module.
        reason: Why this one.
    """

    name: str
    backend: Backend
    reason: str


def why_missing(name: str) -> str:
    """Return why a back end cannot work here and what to do about it; empty if it can.

    Args:
        name: One of ``BACKENDS``, or ``'auto'``, which always works.

    Raises:
        CrfError: If there is no back end of that name.
    """
    return '' if name == AUTO else _load(name)[1]


def choose(name: str) -> Choice:
    """Return a back end.

    Args:
        name: One of ``BACKENDS``, or ``'auto'`` for the fastest one that works here. A named back
            end that does not work is an error, never silently replaced.

    Raises:
        CrfError: If there is no back end of that name, or it does not work here.
    """
    if name == AUTO:
        return _choose_best()
    backend, missing = _load(name)
    if backend is None:
        msg = f"CRF back end {name!r} does not work here: {missing} Or set the back end to 'auto'."
        raise CrfError(msg)
    return Choice(name, backend, f'{name} was asked for.')


def _choose_best() -> Choice:
    refusals: list[str] = []
    for name in CANDIDATES:
        backend, missing = _load(name)
        if backend is not None:
            words = f'auto: {name} is the fastest back end that works here.'
            return Choice(name, backend, ' '.join([words, *refusals]))
        refusals.append(f'Not {name}: {missing}')
    raise CrfError(' '.join(['No CRF back end works here.', *refusals]))


def _load(name: str) -> tuple[Backend | None, str]:
    """Return a back end that works, or why it does not."""
    if name not in BACKENDS:
        raise CrfError(one_of('CRF back end', name, (AUTO, *BACKENDS)))
    try:
        backend = cast('Backend', import_module(BACKENDS[name]))
    except ImportError as err:
        return None, f'it cannot be imported ({err}): pip install {name}.'
    missing = backend.why_missing()
    return (None if missing else backend), missing
