# SPDX-License-Identifier: Apache-2.0
"""How a camera is mounted: turned, and with a part of the own vehicle in its view."""

from __future__ import annotations

from dataclasses import replace
import os
from pathlib import Path
import stat
from typing import cast, TYPE_CHECKING

import cv2
import numpy as np

from seg_node.errors import ImageError, ParameterError
from seg_node.imaging.buffers import check_size
from seg_node.imaging.headers import PNG_SIGNATURE, read_header

if TYPE_CHECKING:
    import numpy.typing as npt

    from seg_node.pipeline.segmentation import Segmentation

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]
    Size = tuple[int, int]

__all__ = ['ROTATIONS', 'Mounting', 'open_mounting', 'read_own_vehicle_mask']

ROTATIONS = (0, 90, 180, 270)
"""Clockwise turns that a camera's images may need [degrees]."""

CLOCKWISE = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}
FULL_TURN = 360
COLOR_CHANNELS = 3
MOST_BYTES = 50_000_000  # of a mask's file; those of large cameras have some thousands


class Mounting:
    """Makes images upright for the network, and gives results the geometry of the images again.

    Pixels of the own vehicle (its hood, its mirrors, a part of the lens) get the label 255, are
    never drivable, and have confidence and class planes 0: the network's answer for them is of no
    use to anybody. Their entropy is 0: there is nothing to doubt, so they neither call for the
    dense CRF nor count as uncertain in the status of a frame or the mean of a drive.

    Attributes:
        rotation: Clockwise turn that makes images upright [degrees].
        own_vehicle: (H, W) bool, true where an upright image shows the own vehicle, or ``None``.
    """

    def __init__(
        self, rotation: int = 0, own_vehicle: npt.NDArray[np.bool_] | None = None, name: str = ''
    ) -> None:
        """Remember how the camera is mounted.

        Args:
            rotation: Clockwise turn that makes its images upright, one of ``ROTATIONS`` [degrees].
            own_vehicle: (H, W) bool in the geometry of the incoming images, true where they show
                the own vehicle or the lens; ``None`` if they never do.
            name: Of that mask, for messages; for example its path.

        Raises:
            ParameterError: If the rotation is another one.
        """
        if rotation not in ROTATIONS:
            msg = f'Rotation of a camera is {rotation!r}; expected 0, 90, 180 or 270 degrees.'
            raise ParameterError(msg)
        self.rotation = rotation
        self._name = name
        self._size = None if own_vehicle is None else own_vehicle.shape
        # 255 or 0, as upright images are: one instruction then hides a pixel of any plane.
        self._hidden = None if own_vehicle is None else self._turned(_bytes(own_vehicle))
        self._kept = None if self._hidden is None else ~self._hidden
        self.own_vehicle = None if self._hidden is None else self._hidden != 0

    def __str__(self) -> str:
        """Say in a few words what is special about it; empty for a camera that is just upright."""
        words = [f'turned clockwise by {self.rotation} degrees'] if self.rotation else []
        if self.own_vehicle is not None:
            words.append(f'{100 * self.own_vehicle.mean():.1f} % of the image are own vehicle')
        return ', '.join(words)

    def upright(self, image: UInt8Array) -> UInt8Array:
        """Return an incoming image, (H, W, 3) uint8, as the network shall see it.

        Raises:
            ImageError: If the mask of the own vehicle has another size.
        """
        if self._size not in (None, image.shape[:2]):
            height, width = cast('Size', self._size)
            msg = (
                f'The own-vehicle mask {self._name!r} is {width} x {height} pixels (width x '
                f'height), but the image is {image.shape[1]} x {image.shape[0]}. Make a mask of '
                'the size of the incoming images, before any rotation, or set none.'
            )
            raise ImageError(msg)
        return self._turned(image)

    def upright_size(self, size: Size) -> Size:
        """Return (height, width) of the upright image, given those of the incoming one [px]."""
        return (size[1], size[0]) if self.rotation in (90, 270) else size

    def clear(self, plane: UInt8Array | None) -> None:
        """Set the own vehicle to 0 in an upright plane, (H, W) uint8, in place, if it is there."""
        if plane is not None and self._kept is not None:
            np.bitwise_and(plane, self._kept, out=plane)

    def restored(self, result: Segmentation) -> Segmentation:
        """Return the maps of an upright image in the geometry of the incoming one.

        The arrays of the argument are changed. Its ``probabilities`` are for ``planes_back``.
        """
        if self._hidden is not None:
            self._hide(result)
        if self.rotation == 0:
            return result
        labels, before = self._back(result.labels), result.network_labels
        return replace(
            result,
            labels=labels,
            confidence=self._back_if_there(result.confidence),
            entropy=self._back_if_there(result.entropy),
            drivable_area=self._back_if_there(result.drivable_area),
            planes={index: self._back(plane) for index, plane in result.planes.items()},
            network_labels=labels if before is result.labels else self._back_if_there(before),
        )

    def planes_back(self, planes: Float32Array) -> Float32Array:
        """Return upright probabilities, (K, H, W) float32, in the incoming geometry.

        The argument is changed.
        """
        if self.own_vehicle is not None:
            planes[:, self.own_vehicle] = 0.0
        if self.rotation == 0:
            return planes
        turned = np.rot90(planes, self.rotation // 90, axes=(1, 2))  # counter-clockwise
        return np.ascontiguousarray(turned)

    def _hide(self, result: Segmentation) -> None:
        for labels in (result.labels, result.network_labels):
            if labels is not None:
                np.bitwise_or(labels, cast('UInt8Array', self._hidden), out=labels)
        planes = result.planes.values()
        for plane in (result.confidence, result.entropy, result.drivable_area, *planes):
            self.clear(plane)

    def _turned(self, pixels: UInt8Array) -> UInt8Array:
        return _rotate(pixels, self.rotation)

    def _back(self, pixels: UInt8Array) -> UInt8Array:
        return _rotate(pixels, (FULL_TURN - self.rotation) % FULL_TURN)

    def _back_if_there(self, pixels: UInt8Array | None) -> UInt8Array | None:
        return None if pixels is None else self._back(pixels)


def open_mounting(rotation: int = 0, own_vehicle_mask: str | Path = '') -> Mounting:
    """Return the mounting of a camera as parameters and arguments name it.

    Args:
        rotation: Clockwise turn that makes its images upright [degrees].
        own_vehicle_mask: Path of a PNG as for ``read_own_vehicle_mask``; empty for none.

    Raises:
        ParameterError: If the rotation is unknown or the mask cannot be read.
    """
    if not str(own_vehicle_mask):
        return Mounting(rotation)
    path = Path(own_vehicle_mask).expanduser()
    return Mounting(rotation, read_own_vehicle_mask(path), str(path))


def read_own_vehicle_mask(path: Path) -> npt.NDArray[np.bool_]:
    """Return which pixels show the own vehicle or the lens: (H, W) bool.

    Args:
        path: A PNG of the size of the incoming images, grey or colour, 8 or 16 bits; every pixel
            that is not 0 is such a one.

    Raises:
        ParameterError: If it cannot be read, is no such PNG, has transparent pixels (which could
            mean either), or leaves nothing to see.
    """
    what = f'The own-vehicle mask {str(path)!r}'
    pixels = _decoded(_read(path, what), what)
    if pixels.ndim > 2 and pixels.shape[2] > COLOR_CHANNELS:  # noqa: PLR2004  # grey has two
        msg = (
            f'{what} has an alpha channel; expected grey or colour. Save it without transparency: '
            'black for what the camera sees, white for the own vehicle.'
        )
        raise ParameterError(msg)
    hidden = np.asarray(pixels.reshape(*pixels.shape[:2], -1).max(axis=2) > 0)
    if hidden.all():
        msg = (
            f'{what} covers the whole image: every pixel is other than 0. Expected 0 where the '
            'camera sees the world.'
        )
        raise ParameterError(msg)
    return hidden


def _read(path: Path, what: str) -> bytes:
    """Return a file that is one: the path comes through the network, and a pipe has no end."""
    try:
        with open(path, 'rb', opener=_open_at_once) as file:
            is_plain = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            data = file.read(MOST_BYTES + 1) if is_plain else b''
    except OSError as err:
        msg = f'{what} cannot be read: {err.strerror}. Check the path and its permissions.'
        raise ParameterError(msg) from err
    if not is_plain:
        msg = f'{what} is no plain file; expected a PNG file.'
        raise ParameterError(msg)
    if len(data) > MOST_BYTES:
        msg = f'{what} is larger than {MOST_BYTES // 1_000_000} MB; expected a PNG in two colours.'
        raise ParameterError(msg)
    return data


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting for the writer of a pipe."""
    return os.open(path, flags | os.O_NONBLOCK)


def _decoded(data: bytes, what: str) -> npt.NDArray[np.uint16]:
    """Return (H, W) or (H, W, channels) uint8 or uint16."""
    if not data.startswith(PNG_SIGNATURE):
        msg = f'{what} is no PNG file; expected one. JPEG would blur its edges.'
        raise ParameterError(msg)
    try:
        header = read_header(data)
        check_size(header.height, header.width)
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except (ImageError, cv2.error) as err:
        msg = f'{what} is damaged or too large: {err}'
        raise ParameterError(msg) from err
    if pixels is None or pixels.shape[:2] != (header.height, header.width):
        msg = f'{what} is damaged: its data do not give the pixels that its header announces.'
        raise ParameterError(msg)
    return cast('npt.NDArray[np.uint16]', pixels)


def _bytes(mask: npt.NDArray[np.bool_]) -> UInt8Array:
    """Return 255 where the mask is true, else 0."""
    return np.where(mask, np.uint8(255), np.uint8(0))


def _rotate(pixels: UInt8Array, clockwise: int) -> UInt8Array:
    """Return pixels, (H, W) or (H, W, 3), turned; the same array for no turn."""
    code = CLOCKWISE.get(clockwise)
    return pixels if code is None else cast('UInt8Array', cv2.rotate(pixels, code))
