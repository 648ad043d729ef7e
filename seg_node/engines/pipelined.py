# SPDX-License-Identifier: Apache-2.0
"""Engines that copy one batch in while another is computed."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from seg_node.engines.base import Engine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy as np
    import numpy.typing as npt

    from seg_node.engines.base import Inferred, Wanted

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['PipelinedEngine']


class PipelinedEngine(Engine):
    """An engine with two batches under way; subclasses write ``submit`` and ``collect``."""

    @property
    def takes_batches(self) -> bool:
        """Yes: while one image is computed, the next one is copied in."""
        return True

    @abstractmethod
    def submit(self, images: Sequence[UInt8Array], wanted: Wanted) -> None:
        """Begin with a batch; see ``segment`` for the arguments."""

    @abstractmethod
    def collect(self) -> list[Inferred]:
        """Return what was found in the batch that was submitted first."""

    def stream(
        self, batches: Iterable[Sequence[UInt8Array]], wanted: Wanted
    ) -> Iterator[list[Inferred]]:
        """Segment batch after batch; while one is computed, the next one is copied in.

        Args:
            batches: Each as for ``submit``.
            wanted: What is asked for beside the labels.

        Yields:
            What was found, a batch later than the images went in.

        Raises:
            EngineError: As ``submit`` and ``collect`` do.
        """
        under_way = 0
        for images in batches:
            self.submit(images, wanted)
            under_way += 1
            if under_way > 1:
                yield self.collect()
                under_way -= 1
        for _ in range(under_way):
            yield self.collect()
