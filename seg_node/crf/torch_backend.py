# SPDX-License-Identifier: Apache-2.0
"""The mean-field layer of the model room as a back end, on a CUDA GPU where there is one.

Slower than ``native`` on a CPU; it is what end-to-end training runs, so what was learnt can be
checked here. It has not been run on a GPU yet.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, cast, TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import interpolate

from seg_node.crf.memory import check_memory
from seg_node.crf.options import BilateralKernel
from seg_node.errors import CrfError
from seg_node.model.mean_field import Kernel, MeanField

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from seg_node.crf.options import CrfOptions
    from seg_node.crf.options import Kernel as KernelOptions
    from seg_node.imaging import Placement

    Float32Array = npt.NDArray[np.float32]
    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['labels', 'labels_on_device', 'marginals', 'why_missing']

BYTES_PER_SCORE = 32  # of a pixel and class, at the peak; measured on a CPU
BYTES_PER_PIXEL = 500  # of a lattice
SMALLEST_LOG = float(np.log(np.finfo(np.float32).tiny))


def why_missing() -> str:
    """Return why torch cannot be used here: empty, for without it this module has no import."""
    return ''


def marginals(probabilities: Float32Array, image: UInt8Array, options: CrfOptions) -> Float32Array:
    """Return the marginals; see ``registry.Backend``.

    Raises:
        CrfError: If a compat is for other classes, the widths are too small for the lattice, or
            there is not enough memory.
    """
    return _infer(probabilities, image, options).exp().cpu().numpy()


def labels(probabilities: Float32Array, image: UInt8Array, options: CrfOptions) -> UInt8Array:
    """Return the labels; see ``registry.Backend``. Errors as for ``marginals``."""
    winners = _infer(probabilities, image, options).argmax(0)
    return winners.to(torch.uint8).cpu().numpy()


@torch.inference_mode()
def labels_on_device(
    scores: torch.Tensor,
    placement: Placement,
    temperature: float,
    image: UInt8Array,
    options: CrfOptions,
) -> UInt8Array:
    """Return the labels of scores that are on a device, and stay there; see ``refine_scores``.

    Args:
        scores: (K, h, w) float32.
        placement: Where the image lies in the network's input.
        temperature: Divisor of the scores.
        image: (H, W, 3) uint8 RGB, C-contiguous.
        options: As for ``labels``.

    Raises:
        CrfError: As for ``marginals``, or if a score is NaN or infinite.
    """
    part = cast('torch.Tensor', placement.crop(cast('Any', scores)))
    if not bool(torch.isfinite(part).all()):
        msg = 'Scores on the device are NaN or infinite; expected finite numbers.'
        raise CrfError(msg)
    with _memory_named(scores.device):
        scaled = interpolate(
            part[None] / temperature, placement.image_size, mode='bilinear', align_corners=False
        )
        logs = scaled.log_softmax(1)[0].clamp_min_(SMALLEST_LOG)
        winners = _mean_field(logs, image, options).argmax(0)
        return cast('UInt8Array', winners.to(torch.uint8).cpu().numpy())


@torch.inference_mode()
def _infer(probabilities: Float32Array, image: UInt8Array, options: CrfOptions) -> torch.Tensor:
    """Return (K, H, W) logarithms of the marginals, wherever they were computed."""
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    positive = np.maximum(probabilities, np.finfo(np.float32).tiny)
    with _memory_named(device):
        return _mean_field(torch.from_numpy(positive).to(device).log_(), image, options)


def _mean_field(scores: torch.Tensor, image: UInt8Array, options: CrfOptions) -> torch.Tensor:
    """Return logarithms of the marginals from those of probabilities, (K, H, W) on a device."""
    classes, *size = scores.shape
    if scores.device.type == 'cpu':
        bytes_of_pixel = BYTES_PER_SCORE * classes + BYTES_PER_PIXEL
        check_memory(size[0] * size[1] * bytes_of_pixel, 'the CRF back end torch')
    layer = MeanField(
        [_kernel(one) for one in options.kernels],
        classes,
        iterations=options.iterations,
        clip=options.clip,
    ).to(scores.device)
    with _threads(options.threads):
        levels = torch.from_numpy(image.transpose(2, 0, 1).astype(np.float32)).to(scores.device)
        logs: torch.Tensor = layer(scores[None], levels[None])
        return logs[0]


def _kernel(options: KernelOptions) -> Kernel:
    srgb = options.srgb if isinstance(options, BilateralKernel) else None
    return Kernel(sxy=options.sxy, srgb=srgb, compat=options.compat)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Let torch use so many threads, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _memory_named(device: torch.device) -> Iterator[None]:
    """Turn torch's complaint about a full device into ours."""
    try:
        yield
    except torch.OutOfMemoryError as err:
        msg = (
            f'The CRF back end torch ran out of memory on {device} ({err}). Use the back end '
            "'native', the resolution 'network', or a smaller image."
        )
        raise CrfError(msg) from err
