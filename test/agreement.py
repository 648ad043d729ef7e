# SPDX-License-Identifier: Apache-2.0
"""How far a deployed graph is from the processor's own pipeline, and frames to try it on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple, TYPE_CHECKING

import cv2
import numpy as np

from seg_node.engines.base import Wanted
from seg_node.imaging.drivable import drivable_area, drivable_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from seg_node.engines.base import Engine

    UInt8Array = npt.NDArray[np.uint8]

LIMITS = (0.6, 0.4)  # least probability and largest entropy of a drivable pixel
PLANES = (0, 2)


class Agreement(NamedTuple):
    """What a graph and the processor have in common, over all pixels of all images.

    Attributes:
        labels: Share of equal labels.
        area: Share of equal drivable area.
        largest: Largest difference of a confidence, an entropy or a plane [levels].
        close: Share of pixels at which none of them differs by more than 2 levels.
    """

    labels: float
    area: float
    largest: int
    close: float


def camvid_frames(count: int, size: tuple[int, int] | None = None) -> list[UInt8Array]:
    """Return real frames, (H, W, 3) RGB, at their size or scaled to (height, width)."""
    folder = Path(os.environ['SEG_NODE_CAMVID']) / 'images' / 'val'
    files = sorted(path for path in folder.iterdir() if path.suffix in ('.jpg', '.png'))
    images: list[Any] = [cv2.imread(str(path)) for path in files[:: len(files) // count][:count]]
    if size is not None:
        images = [cv2.resize(one, size[::-1], interpolation=cv2.INTER_CUBIC) for one in images]
    return [np.ascontiguousarray(one[..., ::-1]) for one in images]


def agreement(
    reference: Engine, images: list[UInt8Array], found: Sequence[Mapping[str, Any]]
) -> Agreement:
    """Compare what a graph gave for each image, (1, ...) by name, with a CPU engine's answers."""
    labels, areas, differences = [], [], []
    for image, got in zip(images, found, strict=True):
        expected = processor_maps(reference, image)
        labels.append((got['labels'][0] == expected['labels']).ravel())
        areas.append((got['drivable_area'][0] == expected['drivable_area']).ravel())
        pairs = [(got[name][0], expected[name]) for name in ('confidence', 'entropy')]
        pairs += list(zip(got['planes'][0], expected['planes'], strict=True))
        levels = [np.abs(one.astype(int) - other.astype(int)) for one, other in pairs]
        differences.append(np.max(levels, axis=0).ravel())
    worst = np.concatenate(differences)
    return Agreement(
        labels=float(np.concatenate(labels).mean()),
        area=float(np.concatenate(areas).mean()),
        largest=int(worst.max()),
        close=float((worst <= 2).mean()),
    )


def processor_maps(reference: Engine, image: UInt8Array) -> dict[str, Any]:
    """Return what the pipeline on the processor makes of an image, by the names of a graph."""
    (found,) = reference.segment([image], Wanted(planes=PLANES, drivable=LIMITS))
    maps = found.maps
    assert maps.confidence is not None
    assert maps.entropy is not None
    area = drivable_area(
        maps.labels,
        maps.confidence,
        maps.entropy,
        drivable_table(reference.bundle.manifest.taxonomy),
        min_probability=LIMITS[0],
        max_entropy=LIMITS[1],
    )
    return {
        'labels': maps.labels,
        'confidence': maps.confidence,
        'entropy': maps.entropy,
        'drivable_area': area,
        'planes': [maps.planes[index] for index in PLANES],
    }
