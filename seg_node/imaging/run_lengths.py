# SPDX-License-Identifier: Apache-2.0
"""Label maps as runs of equal pixels, as Autoware's perception_utils reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['run_lengths']

RECORD = np.dtype([('label', 'u1'), ('run', '<i4')])


def run_lengths(labels: UInt8Array) -> UInt8Array:
    """Return a label map as records of a label and how many pixels have it in a row.

    Args:
        labels: (H, W) uint8. Pixels are taken row by row; a run goes on in the next row.

    Returns:
        (5 N,) uint8: N records of a byte with the label and a little-endian int32 with the length
        of the run [px], without gaps. The lengths add up to H x W.

    Example:
        >>> run_lengths(np.array([[7, 7], [7, 2]], np.uint8)).tolist()
        [7, 3, 0, 0, 0, 2, 1, 0, 0, 0]
    """
    flat = labels.reshape(-1)
    if not flat.size:
        return np.zeros(0, np.uint8)
    starts = np.flatnonzero(np.diff(flat, prepend=flat[0]))
    starts = np.concatenate(([0], starts))
    records = np.empty(len(starts), RECORD)
    records['label'] = flat[starts]
    records['run'] = np.diff(starts, append=flat.size)
    return records.view(np.uint8)
