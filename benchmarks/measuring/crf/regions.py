# SPDX-License-Identifier: Apache-2.0
"""Parts of an image in which a dense CRF is said to help or to harm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np

from seg_node.metrics.boundary import outline
from seg_node.taxonomy import UNLABELLED

if TYPE_CHECKING:
    import numpy.typing as npt

    from measuring.crf.frames import Frame
    from seg_node.taxonomy import Taxonomy

    Pixel = TypeVar('Pixel', np.uint8, np.int8)
    Mask = npt.NDArray[np.bool_]
    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['WORDS', 'Window', 'gain', 'regions', 'spread_errors', 'strongest_window']

AT_BORDER = 3  # [px]
INSIDE = 5  # [px] from any border
FLAT, STRONG = 12, 60  # range of grey levels in 5 x 5 px
DARK = 0.6  # of the median of its class
UNCERTAIN = 0.5  # normalised entropy; the gate's default
SURE = 0.9
AROUND = 15  # [px]
GROUND = ('Road', 'Pavement', 'road', 'sidewalk')
WINDOW = (90, 120)  # height, width [px]

WORDS = {
    'sharp edge': f'within {AT_BORDER} px of a true border, range of grey levels above {STRONG}',
    'faint edge': f'within {AT_BORDER} px of a true border, range below {FLAT}',
    'uniform inside': f'more than {INSIDE} px from any true border, range below {FLAT}',
    'textured inside': f'more than {INSIDE} px from any true border, range above {STRONG}',
    'thin class': 'poles and signs',
    'object': 'people and vehicles',
    'uncertain border': f'entropy above {UNCERTAIN}, within {INSIDE} px of a true border',
    'shadow': f'ground darker than {DARK} of the median of its class in the image',
    'confidently wrong': f'network wrong with a probability of at least {SURE}',
    'around an error': f'network right, within {AROUND} px of where it is confidently wrong',
    'confidently right': f'network right with a probability of at least {SURE}',
}
"""How each region is found; the range of grey levels is that of 5 x 5 pixels."""


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of a frame.

    Attributes:
        strength: Pixels of the region that gained (or lost, if that was looked for), less those
            that did the contrary.
        top: First row.
        left: First column.
    """

    strength: int
    top: int
    left: int

    def of(self, picture: npt.NDArray[Pixel]) -> npt.NDArray[Pixel]:
        """Return the piece of a picture."""
        return picture[self.top : self.top + WINDOW[0], self.left : self.left + WINDOW[1]]


def regions(frame: Frame, taxonomy: Taxonomy) -> dict[str, Mask]:
    """Return each region of a frame as an (H, W) mask; unlabelled pixels are in none."""
    truth = frame.truth
    grey = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_RGB2GRAY), np.uint8)
    span = _span(grey)
    borders = outline(truth)
    inside, at_border = ~_within(borders, INSIDE), _within(borders, AT_BORDER)
    best = frame.probabilities.max(axis=0)
    right = frame.probabilities.argmax(axis=0) == truth
    sure_error = ~right & (best >= SURE) & (truth != UNLABELLED)
    found = {
        'sharp edge': at_border & (span > STRONG),
        'faint edge': at_border & (span < FLAT),
        'uniform inside': inside & (span < FLAT),
        'textured inside': inside & (span > STRONG),
        'thin class': _of_kind(truth, taxonomy, 'thin'),
        'object': _of_kind(truth, taxonomy, 'object'),
        'uncertain border': ~inside & (entropy(frame) > UNCERTAIN),
        'shadow': _shadow(grey, truth, taxonomy),
        'confidently wrong': sure_error,
        'around an error': right & _within(sure_error, AROUND),
        'confidently right': right & (best >= SURE),
    }
    return {name: mask & (truth != UNLABELLED) for name, mask in found.items()}


def entropy(frame: Frame) -> npt.NDArray[np.float32]:
    """Return the (H, W) entropy of the network's output, divided by log K."""
    planes = np.maximum(frame.probabilities, np.finfo(np.float32).tiny)
    nats = -(planes * np.log(planes)).sum(axis=0)
    return np.asarray(nats / np.log(len(planes)), np.float32)


def gain(truth: UInt8Array, before: UInt8Array, after: UInt8Array) -> npt.NDArray[np.int8]:
    """Return +1 where a label became right, -1 where it became wrong, else 0."""
    known = truth != UNLABELLED
    change = (after == truth).astype(np.int8) - (before == truth).astype(np.int8)
    return np.asarray(change * known, np.int8)


def strongest_window(changes: npt.NDArray[np.int8], region: Mask, sign: int) -> Window:
    """Return the window in which a region gains most (sign 1) or loses most (sign -1)."""
    sums = cv2.integral((sign * changes * region).astype(np.float64))
    rows, columns = WINDOW
    nets = sums[rows:, columns:] - sums[:-rows, columns:] - sums[rows:, :-columns]
    nets += sums[:-rows, :-columns]
    top, left = np.unravel_index(int(nets.argmax()), nets.shape)
    return Window(round(float(nets[top, left])), int(top), int(left))


def spread_errors(frame: Frame, after: UInt8Array) -> Mask:
    """Return where a label is one that the network confidently and wrongly gave near by.

    Args:
        frame: Network and truth.
        after: (H, W) uint8, the refined labels.
    """
    labels = frame.probabilities.argmax(axis=0)
    sure = (frame.probabilities.max(axis=0) >= SURE) & (frame.truth != UNLABELLED)
    spread = np.zeros(after.shape, np.bool_)
    for index in range(len(frame.probabilities)):
        wrong = sure & (labels == index) & (frame.truth != index)
        spread |= _within(wrong, AROUND) & (after == index)
    return spread


def _within(mask: Mask, reach: int) -> Mask:
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disk) > 0)


def _span(grey: UInt8Array) -> UInt8Array:
    square = np.ones((5, 5), np.uint8)
    return np.asarray(cv2.dilate(grey, square) - cv2.erode(grey, square), np.uint8)


def _of_kind(truth: UInt8Array, taxonomy: Taxonomy, kind: str) -> Mask:
    return np.isin(truth, [index for index, one in enumerate(taxonomy.kinds) if one == kind])


def _shadow(grey: UInt8Array, truth: UInt8Array, taxonomy: Taxonomy) -> Mask:
    found = np.zeros(truth.shape, np.bool_)
    for index, name in enumerate(taxonomy.names):
        here = truth == index
        if name in GROUND and here.any():
            found |= here & (grey < DARK * np.median(grey[here]))
    return found
