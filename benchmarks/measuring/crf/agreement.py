# SPDX-License-Identifier: Apache-2.0
"""How far two refinements are apart, counted over frames and divided once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from seg_node.metrics import count_pairs, mean_iou_of_set

if TYPE_CHECKING:
    import numpy.typing as npt

    from measuring.crf.frames import Frame

    Labels = npt.NDArray[np.uint8]

__all__ = ['Agreement']


@dataclass(slots=True)
class Agreement:
    """Labels of one rival against those of the reference.

    Nearly all pixels keep their label whatever the CRF does, so the share of all labels that are
    equal flatters. ``changed`` looks only at the pixels that the reference gives another label
    than the network.

    Attributes:
        classes: Number of classes.
        pixels: Seen so far.
        equal: Same label as the reference.
        changed: Another label with the reference than with the network.
        followed: Those of them to which the rival gives the same new label.
        counts: Confusion with the truth of network, reference and rival.
        worst: Lowest share of followed pixels in a frame.
    """

    classes: int
    pixels: int = 0
    equal: int = 0
    changed: int = 0
    followed: int = 0
    counts: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    worst: float = 1.0

    def add(self, frame: Frame, reference: Labels, rival: Labels) -> None:
        """Take in one frame."""
        network = frame.probabilities.argmax(axis=0).astype(np.uint8)
        changed = reference != network
        followed = changed & (rival == reference)
        self.pixels += rival.size
        self.equal += int(np.count_nonzero(rival == reference))
        self.changed += int(np.count_nonzero(changed))
        self.followed += int(np.count_nonzero(followed))
        if changed.any():
            self.worst = min(self.worst, float(followed.sum() / changed.sum()))
        for name, labels in (('network', network), ('reference', reference), ('rival', rival)):
            before = self.counts.get(name, 0)
            self.counts[name] = count_pairs(frame.truth, labels, self.classes) + before

    def to_dict(self) -> dict[str, float]:
        """Return shares from 0 to 1, and mean IoU over the classes [points of 100]."""
        iou = {name: 100 * mean_iou_of_set(counts) for name, counts in self.counts.items()}
        return {
            'changed_share': self.changed / self.pixels,
            'same_new_label': self.followed / max(self.changed, 1),
            'same_new_label_worst_frame': self.worst,
            'labels_equal': self.equal / self.pixels,
            'mean_iou_network': iou['network'],
            'mean_iou_reference': iou['reference'],
            'mean_iou': iou['rival'],
            'mean_iou_difference': iou['rival'] - iou['reference'],
        }
