# SPDX-License-Identifier: Apache-2.0
"""What Nav2's semantic_segmentation_layer does with one frame, said again from its source.

``SemanticSegmentationLayer::onInitialize``, ``SegmentationBuffer::createSegmentationCostMultimap``
and ``bufferSegmentation``; decay over time is left out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]

RESOLUTION = 0.05


@dataclass
class Layer:
    """One observation source of the layer.

    Attributes:
        source: Its parameters.
        costs: Parameters of the type of each class, by name.
        by_id: The same by the ids of the LabelInfo that came.
        log: What it complains about.
    """

    source: Mapping[str, Any]
    costs: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_id: dict[int, dict[str, Any]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Read the types of classes."""
        for kind in self.source['class_types']:
            values = self.source[kind]
            self.costs |= dict.fromkeys(values['classes'], values)

    def label_info(self, names: Mapping[int, str]) -> None:
        """Take the class names by id."""
        for index, name in names.items():
            if name in self.costs:
                self.by_id[index] = self.costs[name]
            else:
                self.log.append(f'CRITICAL ERROR: Class {name!r}')

    def frame(
        self, mask: UInt8Array, confidence: UInt8Array, cloud: npt.NDArray[np.float64]
    ) -> dict[tuple[int, int], int]:
        """Return the highest cost of each tile that one frame leads to.

        Args:
            mask: (h, w) uint8.
            confidence: Read at the same index without a check.
            cloud: (h, w, 3) points in the frame of the map; NaN where there is none.
        """
        if not self.by_id:
            self.log.append('no label info yet: frame discarded')
            return {}
        if mask.size != cloud.shape[0] * cloud.shape[1]:
            self.log.append('mask and cloud differ in size')
            return {}
        best: dict[tuple[int, int], int] = {}
        labels, points = mask.reshape(-1), cloud.reshape(-1, 3)
        for index, point in enumerate(points):
            distance = float(np.linalg.norm(point))
            near, far = self.source['min_obstacle_distance'], self.source['max_obstacle_distance']
            if not np.isfinite(point[2]) or not near < distance < far:
                continue
            tile = (int(point[0] // RESOLUTION), int(point[1] // RESOLUTION))
            if tile not in best or self._max_cost(labels[index]) > self._max_cost(
                labels[best[tile]]
            ):
                best[tile] = index
        _ = [confidence.reshape(-1)[index] for index in best.values()]  # would read beyond its end
        return {
            tile: self._max_cost(labels[index])
            for tile, index in best.items()
            if int(labels[index]) in self.by_id
        }

    def _max_cost(self, label: int) -> int:
        values = self.by_id.get(int(label))
        return 0 if values is None else int(values['max_cost'])
