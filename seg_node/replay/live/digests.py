# SPDX-License-Identifier: Apache-2.0
"""A sink that keeps checksums of labels, to be held against what the node published."""

from __future__ import annotations

import json
from typing import Any, IO, TYPE_CHECKING

from seg_node.imaging.digest import pixel_digest
from seg_node.pipeline import Outputs

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from seg_node.pipeline import Segmentation
    from seg_node.replay.record import FrameRecord
    from seg_node.replay.sink import SinkContext

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['Digests', 'digests_file', 'open_sink', 'read_digests']

LABELS_ALONE = Outputs(confidence=False, entropy=False, drivable_area=False)


def digests_file(out: Path, bag: str) -> Path:
    """Return the file for the frames of a bag."""
    return out / 'live' / f'digests_{bag}.jsonl'


class Digests:
    """Writes a line per frame: index, checksum of the labels, and of those before the CRF."""

    def __init__(self, file: Path) -> None:
        """Begin a file."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self._lines: IO[str] = file.open('w', encoding='utf-8')

    @property
    def outputs(self) -> Outputs:
        """Labels alone."""
        return LABELS_ALONE

    def frame(
        self, record: FrameRecord, image: UInt8Array, segmentation: Segmentation, message: Any
    ) -> None:
        """Take a frame."""
        del image, message
        labels = pixel_digest(segmentation.labels)
        network = segmentation.network_labels
        before = labels if network is None else pixel_digest(network)
        self._lines.write(json.dumps([record.index, labels, before]) + '\n')

    def close(self) -> None:
        """Finish the file."""
        self._lines.close()


def open_sink(context: SinkContext) -> Digests:
    """Return the sink for a bag with one camera."""
    return Digests(digests_file(context.out, context.name))


def read_digests(out: Path, bag: str) -> dict[int, tuple[str, str]]:
    """Return checksums of the labels and of those before the CRF, by index."""
    with digests_file(out, bag).open(encoding='utf-8') as lines:
        found = [json.loads(line) for line in lines]
    return {index: (labels, before) for index, labels, before in found}
