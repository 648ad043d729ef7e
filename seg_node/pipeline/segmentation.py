# SPDX-License-Identifier: Apache-2.0
"""What a caller asks of a frame, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['CrfDecision', 'Outputs', 'Segmentation']

CrfDecision = Literal['off', 'certain', 'no_time', 'ran', 'failed']


@dataclass(frozen=True, slots=True)
class Outputs:
    """Which images a caller wants beside the labels; what nobody wants is not computed.

    Attributes:
        confidence: Probability of the published label.
        entropy: Entropy of the prediction.
        drivable_area: Where one may drive.
        classes: Ids whose probability is wanted as an image.
        probabilities: Those of all classes as floats, for evaluation; much memory.
    """

    confidence: bool = True
    entropy: bool = True
    drivable_area: bool = True
    classes: tuple[int, ...] = ()
    probabilities: bool = False


@dataclass(frozen=True, slots=True)
class Segmentation:
    """One segmented frame; every image has the size of the camera's.

    Attributes:
        labels: (H, W) uint8 class ids; 255 where the image shows the own vehicle.
        confidence: (H, W) uint8, 255 x the network's calibrated probability of the label.
        entropy: (H, W) uint8, 255 x entropy of the network's prediction / log K.
        drivable_area: (H, W) uint8, 255 drivable, 0 not or not sure.
        planes: Id of a class and its (H, W) uint8 image of 255 x probability.
        uncertain_fraction: Share of pixels above the entropy threshold; ``None`` if the CRF is
            off and the entropy was not asked for.
        crf: ``'off'``; ``'certain'``: too few uncertain pixels; ``'no_time'``: predicted not to
            fit the time that was left; ``'ran'``; ``'failed'``: the labels are the network's.
        crf_predicted: How long the CRF was predicted to take [s]; ``None`` if it was off, the
            frame certain, or the decision the caller's.
        crf_error: Why the CRF failed; empty if it did not.
        network_labels: (H, W) uint8 class ids before the CRF; the same array as ``labels`` if it
            did not run.
        times: Seconds spent in each stage: fit, infer, finish, crf, total; with an engine on a
            GPU copy_in and copy_out as well, and no fit. Those for ``probabilities`` are in none
            of them.
        probabilities: (K, H, W) float32, the network's calibrated probabilities; each pixel sums
            to 1, or 0 where it shows the own vehicle.
    """

    labels: UInt8Array
    confidence: UInt8Array | None = None
    entropy: UInt8Array | None = None
    drivable_area: UInt8Array | None = None
    planes: Mapping[int, UInt8Array] = field(default_factory=dict)
    uncertain_fraction: float | None = None
    crf: CrfDecision = 'off'
    crf_predicted: float | None = None
    crf_error: str = ''
    network_labels: UInt8Array | None = None
    times: Mapping[str, float] = field(default_factory=dict)
    probabilities: npt.NDArray[np.float32] | None = None
