# SPDX-License-Identifier: Apache-2.0
"""Memory that a GPU writes results to, and that callers keep for as long as they look at them."""

from __future__ import annotations

from collections import deque
import logging
from typing import Any, TYPE_CHECKING
import weakref

import numpy as np

from seg_node.errors import DeviceError

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.engines.tensorrt.cuda_device import CudaDevice

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['PinnedPool']

logger = logging.getLogger(__name__)


class PinnedPool:
    """Blocks of pinned memory of one size, lent to whoever reads them and used again after that.

    Results reach the caller without a copy. A caller who keeps many of them gets copies instead,
    because pinned memory is scarce.
    """

    def __init__(self, device: CudaDevice, nbytes: int, most: int) -> None:
        """Prepare; blocks are made when they are asked for.

        Args:
            device: Copies from and to the blocks.
            nbytes: Size of a block.
            most: How many there may be.
        """
        self._device = device
        self._nbytes = nbytes
        self._most = most
        self._made = 0
        # Only its atomic operations are used: blocks come home whenever garbage is collected.
        self._home: deque[UInt8Array] = deque()
        self._is_closed = False

    @property
    def can_lend(self) -> bool:
        """Whether a block can be lent and another one still be taken."""
        return bool(self._home) or self._made < self._most

    def take(self) -> UInt8Array:
        """Return a block, which belongs to the caller until it is lent or given back.

        Raises:
            DeviceError: If there is no memory for it.
        """
        if self._home:
            return self._home.pop()
        block = self._device.allocate_pinned(self._nbytes)
        self._made += 1
        return block

    def give_back(self, block: UInt8Array) -> None:
        """Take a block back that nobody looks at."""
        if not self._is_closed:
            self._home.append(block)
            return
        try:
            self._device.free_pinned(block)
        except DeviceError as err:
            logger.warning('Pinned memory could not be freed: %s', err)

    def lend(self, block: UInt8Array) -> UInt8Array:
        """Return the block as an array that comes home when it and all views of it are gone."""
        loan = _Loan(block)
        weakref.finalize(loan, self.give_back, block).atexit = False
        return np.asarray(loan)

    def close(self) -> None:
        """Free what is at home; what is lent is freed when it comes home."""
        self._is_closed = True
        while self._home:
            self.give_back(self._home.pop())


class _Loan:
    """What an array and its views keep alive."""

    def __init__(self, block: UInt8Array) -> None:
        self.__array_interface__: dict[str, Any] = block.__array_interface__
