# SPDX-License-Identifier: Apache-2.0
"""The torch layer on a CUDA device, from probabilities that are already there."""

from __future__ import annotations

import statistics
import time
from typing import Any, TYPE_CHECKING

import numpy as np
import torch

from measuring.crf.agreement import Agreement
from measuring.crf.rivals import labels_of, REFERENCE
from seg_node.crf import BilateralKernel
from seg_node.model.mean_field import Kernel, MeanField

if TYPE_CHECKING:
    from collections.abc import Callable

    from measuring.crf.frames import Frame
    from seg_node.crf import CrfOptions

__all__ = ['measure_gpu']

WARM_UPS = 3
ROUNDS = 30


def measure_gpu(frame: Frame, case: str, options: CrfOptions) -> dict[str, Any]:
    """Compare with pydensecrf and time, or say why not.

    A network on the device leaves its scores there, so copying them is not part of the time. The
    layer has no modes: what it computes is exact.
    """
    if not torch.cuda.is_available():
        return {'not run': 'no GPU'}
    classes = len(frame.probabilities)
    layer = _layer(options, classes).cuda()
    scores = torch.from_numpy(frame.probabilities)[None].cuda().log()
    image = torch.from_numpy(np.moveaxis(frame.image, -1, 0)[None].copy()).cuda().float()

    def run() -> torch.Tensor:
        with torch.no_grad():
            labels: torch.Tensor = layer(scores, image)[0].argmax(0).to(torch.uint8)
        torch.cuda.synchronize()
        return labels

    agreement = Agreement(classes)
    agreement.add(frame, labels_of(REFERENCE, frame, options)(), run().cpu().numpy())
    return {
        'case': case,
        'device': torch.cuda.get_device_name(),
        'torch': torch.__version__,
        'cuda': torch.version.cuda,
        **agreement.to_dict(),
        **_times(run),
    }


def _layer(options: CrfOptions, classes: int) -> MeanField:
    kernels = [
        Kernel(one.sxy, one.compat, one.srgb if isinstance(one, BilateralKernel) else None)
        for one in options.kernels
    ]
    return MeanField(kernels, classes, iterations=options.iterations, clip=options.clip)


def _times(run: Callable[[], object]) -> dict[str, float]:
    for _ in range(WARM_UPS):
        run()
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return {
        'median_ms': 1e3 * statistics.median(seconds),
        'best_ms': 1e3 * min(seconds),
    }
