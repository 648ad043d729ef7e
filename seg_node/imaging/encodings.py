# SPDX-License-Identifier: Apache-2.0
"""The decode table: what each ``sensor_msgs/Image`` encoding means and how it becomes RGB.

Names and layouts are those of ``sensor_msgs/image_encodings.hpp``. Where that file leaves the
meaning open we do as cv_bridge does: a generic type such as 8UC3 holds OpenCV's order (blue,
green, red), and 16-bit levels span 0..65535. YUV is BT.601 in video range, as in OpenCV.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast, TYPE_CHECKING

import cv2
import numpy as np

from seg_node.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]
    Decoder = Callable[[npt.NDArray[Any]], UInt8Array]

FLOAT_SLACK = 1e-3  # rounding of whoever made the image; anything further outside is no image

# Affine map (Y, Cb, Cr, 1) -> (R, G, B): ITU-R BT.601, video range, for whole planes.
BT601 = np.array(
    [
        [255 / 219, 0, 1.402 * 255 / 224],
        [255 / 219, -0.344136 * 255 / 224, -0.714136 * 255 / 224],
        [255 / 219, 1.772 * 255 / 224, 0],
    ]
)
BT601_AFFINE = np.hstack([BT601, -BT601 @ np.array([[16], [128], [128]])])


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the pixels of one encoding lie in memory and how they become RGB.

    Attributes:
        kind: numpy kind and size of one value without byte order: 'u1', 'u2' or 'f4'.
        channels: Values per pixel within a row.
        decode: (rows, width, channels) in native byte order -> (H, W, 3) uint8 RGB.
        rows: Rows in memory per image row, as a fraction (planar formats have chroma below).
        multiple: Height and width must be multiples of these [px].
        smallest: Height and width must be at least this [px].
    """

    kind: str
    channels: int
    decode: Decoder
    rows: tuple[int, int] = (1, 1)
    multiple: tuple[int, int] = (1, 1)
    smallest: int = 1


def _as_is(pixels: npt.NDArray[Any]) -> UInt8Array:
    return pixels


def _converted(code: int) -> Decoder:
    """Return a decoder that is one OpenCV colour conversion."""

    def decode(pixels: npt.NDArray[Any]) -> UInt8Array:
        return cast('UInt8Array', cv2.cvtColor(pixels, code))

    return decode


def _narrowed(decode: Decoder) -> Decoder:
    """Return a decoder of 16-bit pixels: decode them, then scale 0..65535 to 0..255."""

    def decode_and_narrow(pixels: npt.NDArray[Any]) -> UInt8Array:
        return cast('UInt8Array', cv2.convertScaleAbs(decode(pixels), alpha=255 / 65535))

    return decode_and_narrow


def _from_unit_floats(decode: Decoder) -> Decoder:
    """Return a decoder of floats in 0..1."""

    def check_and_decode(pixels: npt.NDArray[Any]) -> UInt8Array:
        with np.errstate(invalid='ignore'):
            low, high = float(pixels.min()), float(pixels.max())
        if not np.isfinite(low + high):
            msg = 'Image holds NaN or infinite values; expected finite floats in 0..1.'
            raise ImageError(msg)
        if low < -FLOAT_SLACK or high > 1 + FLOAT_SLACK:
            msg = (
                f'Image holds floats from {low:.6g} to {high:.6g}; expected 0..1. Scale the '
                'image, or check that the topic is a camera image and not a depth image.'
            )
            raise ImageError(msg)
        return decode(cv2.convertScaleAbs(pixels.clip(0, 1), alpha=255))

    return check_and_decode


def _semi_planar(code: int) -> Decoder:
    """Return a decoder of luma rows with interleaved chroma at half resolution below them."""

    def decode(pixels: npt.NDArray[Any]) -> UInt8Array:
        return cast('UInt8Array', cv2.cvtColor(np.ascontiguousarray(pixels[..., 0]), code))

    return decode


def _nv24(pixels: npt.NDArray[Any]) -> UInt8Array:
    """Decode H rows of luma, then H times 2 W bytes of interleaved blue and red difference."""
    height, width = pixels.shape[0] // 3, pixels.shape[1]
    planes = np.ascontiguousarray(pixels[..., 0])
    chroma = planes[height:].reshape(height, width, 2)
    yuv = np.concatenate([planes[:height, :, None], chroma], axis=2)
    return cast('UInt8Array', cv2.transform(yuv, BT601_AFFINE))


_GRAY = _converted(cv2.COLOR_GRAY2RGB)
_BGR = _converted(cv2.COLOR_BGR2RGB)
_RGBA = _converted(cv2.COLOR_RGBA2RGB)
_BGRA = _converted(cv2.COLOR_BGRA2RGB)
_UYVY = Encoding('u1', 2, _converted(cv2.COLOR_YUV2RGB_UYVY), multiple=(1, 2))
_YUYV = Encoding('u1', 2, _converted(cv2.COLOR_YUV2RGB_YUY2), multiple=(1, 2))
# ROS names a Bayer pattern by its first two rows, OpenCV by the second and third pixel of the
# second and third row: ROS rggb is OpenCV BG.
_BAYER = {
    'rggb': _converted(cv2.COLOR_BayerBG2RGB),
    'bggr': _converted(cv2.COLOR_BayerRG2RGB),
    'gbrg': _converted(cv2.COLOR_BayerGR2RGB),
    'grbg': _converted(cv2.COLOR_BayerGB2RGB),
}

ENCODINGS: Mapping[str, Encoding] = {
    'rgb8': Encoding('u1', 3, _as_is),
    'bgr8': Encoding('u1', 3, _BGR),
    'rgba8': Encoding('u1', 4, _RGBA),
    'bgra8': Encoding('u1', 4, _BGRA),
    'mono8': Encoding('u1', 1, _GRAY),
    'rgb16': Encoding('u2', 3, _narrowed(_as_is)),
    'bgr16': Encoding('u2', 3, _narrowed(_BGR)),
    'rgba16': Encoding('u2', 4, _narrowed(_RGBA)),
    'bgra16': Encoding('u2', 4, _narrowed(_BGRA)),
    'mono16': Encoding('u2', 1, _narrowed(_GRAY)),
    '8UC1': Encoding('u1', 1, _GRAY),
    '8UC3': Encoding('u1', 3, _BGR),
    '8UC4': Encoding('u1', 4, _BGRA),
    '16UC1': Encoding('u2', 1, _narrowed(_GRAY)),
    '16UC3': Encoding('u2', 3, _narrowed(_BGR)),
    '16UC4': Encoding('u2', 4, _narrowed(_BGRA)),
    '32FC1': Encoding('f4', 1, _from_unit_floats(_GRAY)),
    '32FC3': Encoding('f4', 3, _from_unit_floats(_BGR)),
    'uyvy': _UYVY,
    'yuv422': _UYVY,
    'yuyv': _YUYV,
    'yuv422_yuy2': _YUYV,
    'nv12': Encoding('u1', 1, _semi_planar(cv2.COLOR_YUV2RGB_NV12), (3, 2), (2, 2)),
    'nv21': Encoding('u1', 1, _semi_planar(cv2.COLOR_YUV2RGB_NV21), (3, 2), (2, 2)),
    'nv24': Encoding('u1', 1, _nv24, (3, 1)),
    **{f'bayer_{name}8': Encoding('u1', 1, to, smallest=3) for name, to in _BAYER.items()},
    **{
        f'bayer_{name}16': Encoding('u2', 1, _narrowed(to), smallest=3)
        for name, to in _BAYER.items()
    },
}
