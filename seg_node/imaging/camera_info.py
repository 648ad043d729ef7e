# SPDX-License-Identifier: Apache-2.0
"""Calibration messages: which image one describes, and the one of a decimated image.

A message is anything with the fields of sensor_msgs/CameraInfo. Its matrices are for the full
sensor; its region of interest and then its binning make the image of it that is published.
"""

from __future__ import annotations

import copy
from typing import Any, TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ['decimated_info', 'describes']


def describes(info: Any, size: tuple[int, int]) -> bool:
    """Tell whether a calibration is for images of a size.

    Height and width are those of the sensor, of which region of interest and binning make the
    image. Many drivers give those of the image itself and name its binning all the same, so one of
    the two has to fit.

    Args:
        info: With height, width, binning and region of interest; zeros stand for no binning and
            for the whole sensor.
        size: Height and width of the image [px].
    """
    region = info.roi
    height = (region.height or info.height) // max(info.binning_y, 1)
    width = (region.width or info.width) // max(info.binning_x, 1)
    return size in ((info.height, info.width), (height, width))


def decimated_info(info: Any, factor: int, size: tuple[int, int]) -> Any:
    """Return the calibration of the image that has every ``factor``-th pixel of the described one.

    Region of interest and binning are worked into the matrices, so that consumers which know
    neither are right, too: height and width are those of the small image, K and P are for its
    pixels. Where height and width are those of the image, K and P are, too. Distortion and
    rotation are free of pixels and stay. A camera that nobody calibrated (a focal length of 0)
    keeps its zeros.

    Args:
        info: For images of this size, as ``describes`` tells; stays as it is.
        factor: 1 or more.
        size: Height and width of the large image [px].
    """
    small = copy.deepcopy(info)
    offset, steps = (0, 0), (factor, factor)
    if (info.height, info.width) != size:
        offset = (info.roi.x_offset, info.roi.y_offset)
        steps = (factor * max(info.binning_x, 1), factor * max(info.binning_y, 1))
    small.k = _in_pixels(info.k, 3, offset, steps)
    small.p = _in_pixels(info.p, 4, offset, steps)
    small.height, small.width = size[0] // factor, size[1] // factor
    small.binning_x = small.binning_y = 1
    small.roi.x_offset = small.roi.y_offset = small.roi.height = small.roi.width = 0
    small.roi.do_rectify = False
    return small


def _in_pixels(
    values: Any, columns: int, offset: tuple[int, int], steps: tuple[int, int]
) -> npt.NDArray[np.float64]:
    """Return a projection (3, ``columns``), flat, for pixels that start and step elsewhere."""
    matrix = np.array(values, np.float64).reshape(3, columns)
    if matrix[0, 0]:
        for row in range(2):
            matrix[row] = (matrix[row] - offset[row] * matrix[2]) / steps[row]
    return matrix.reshape(-1)
