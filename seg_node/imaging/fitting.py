# SPDX-License-Identifier: Apache-2.0
"""Fit camera images to the fixed input of a network, and remember where they went.

Layouts: images are (H, W, 3) uint8 RGB, batches (1, 3, h, w) float32 RGB levels in 0..255.
The network normalises by itself (mean and std are buffers inside it), so nothing here divides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast, Literal, TYPE_CHECKING

import cv2
import numpy as np

from seg_node.errors import one_of
from seg_node.imaging import extension

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    UInt8Array = npt.NDArray[np.uint8]
    Float32Array = npt.NDArray[np.float32]

Fit = Literal['letterbox', 'stretch']
FITS = ('letterbox', 'stretch')
EDGE = 4  # [px] the largest output stride: score maps at stride 1, 2 and 4 can be cropped exactly
LARGEST_LEVEL = 255.0


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a network expects at its input.

    Attributes:
        height: Rows of the input [px], a multiple of 4.
        width: Columns of the input [px], a multiple of 4.
        fit: 'letterbox' keeps the aspect ratio and pads with the mean colour; 'stretch' fills.
        mean: Mean of the red, green and blue levels, 0..255.
        std: Standard deviation of the red, green and blue levels, 1..255.
        channel_order: Always 'rgb'.

    Raises:
        ValueError: If a value is not as described here.
    """

    height: int
    width: int
    fit: Fit
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    channel_order: Literal['rgb'] = 'rgb'

    def __post_init__(self) -> None:
        """Refuse values that no network can have."""
        _check_edges(self.height, self.width)
        _check_choice('fit', self.fit, FITS)
        _check_choice('channel order', self.channel_order, ('rgb',))
        _check_levels('mean', self.mean, lowest=0)
        _check_levels('std', self.std, lowest=1)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {
            'height': self.height,
            'width': self.width,
            'fit': self.fit,
            'mean': list(self.mean),
            'std': list(self.std),
            'channel_order': self.channel_order,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> InputSpec:
        """Build a specification from what ``to_dict`` wrote.

        Raises:
            ValueError: If a key is missing or unknown, or a value is wrong.
        """
        _check_keys(values)
        return cls(
            height=values['height'],
            width=values['width'],
            fit=values['fit'],
            mean=_three_floats('mean', values['mean']),
            std=_three_floats('std', values['std']),
            channel_order=values['channel_order'],
        )


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an image lies in the network input; the key to undoing the fit.

    Attributes:
        image_size: (height, width) of the image [px].
        network_size: (height, width) of the network input [px].
        top: First row of the rectangle that the image fills, a multiple of 4 [px].
        left: First column of that rectangle, a multiple of 4 [px].
        height: Rows of that rectangle, a multiple of 4 [px].
        width: Columns of that rectangle, a multiple of 4 [px].
    """

    image_size: tuple[int, int]
    network_size: tuple[int, int]
    top: int
    left: int
    height: int
    width: int

    def crop(self, maps: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Cut the part that the image fills out of maps of the network's output.

        Args:
            maps: (..., h, w) with h and w the network size divided by 1, 2 or 4.

        Returns:
            (..., height / stride, width / stride), a view.

        Raises:
            ValueError: If the maps are not the network size divided by 1, 2 or 4.
        """
        top, left, height, width = self.window(maps.shape[-2:])
        return maps[..., top : top + height, left : left + width]

    def window(self, size: tuple[int, ...]) -> tuple[int, int, int, int]:
        """Return top, left, height and width of the image's part of maps.

        Args:
            size: (h, w) of the maps, the network size divided by 1, 2 or 4.

        Raises:
            ValueError: If the size is another.
        """
        stride = self._stride(size)
        return self.top // stride, self.left // stride, self.height // stride, self.width // stride

    def _stride(self, size: tuple[int, ...]) -> int:
        """Return how many input pixels one score covers."""
        height, width = self.network_size
        for stride in (1, 2, EDGE):
            if size == (height // stride, width // stride):
                return stride
        msg = (
            f'Score maps are {size[0]} x {size[1]} (height x width); a network input of {height} '
            f'x {width} gives that size divided by 1, 2 or 4. Use the placement that came with '
            'the batch.'
        )
        raise ValueError(msg)


def place(image_size: tuple[int, int], spec: InputSpec) -> Placement:
    """Decide which rectangle of the network input an image fills.

    The edges are multiples of 4. With 'letterbox' the rectangle is centred, touches two opposite
    sides, and its shorter side is off the true aspect ratio by at most 2 px
    (by more only where it would be less than 4 px).

    Args:
        image_size: (height, width) of the image [px], both at least 1.
        spec: The network input.

    Raises:
        ValueError: If the image has no pixels.
    """
    rows, columns = image_size
    if rows < 1 or columns < 1:
        msg = f'Image is {rows} x {columns} (height x width); both must be at least 1.'
        raise ValueError(msg)
    height, width = spec.height, spec.width
    if spec.fit == 'letterbox':
        # Compared as integers: a float ratio would make equal shapes differ in the last bit.
        if rows * spec.width > columns * spec.height:
            width = _to_edge(columns * spec.height / rows, spec.width)
        else:
            height = _to_edge(rows * spec.width / columns, spec.height)
    return Placement(
        image_size=(rows, columns),
        network_size=(spec.height, spec.width),
        top=(spec.height - height) // 2 // EDGE * EDGE,
        left=(spec.width - width) // 2 // EDGE * EDGE,
        height=height,
        width=width,
    )


class Fitter:
    """Turn images into network batches, without allocating once the image size is known.

    One Fitter serves one caller: it owns the batch that it returns.
    """

    def __init__(self, spec: InputSpec) -> None:
        """Prepare for one network input."""
        self._spec = spec
        self._batch = np.empty((1, 3, spec.height, spec.width), np.float32)
        self._placement: Placement | None = None

    def __call__(self, image: UInt8Array) -> tuple[Float32Array, Placement]:
        """Scale an image bilinearly into the network input; the rest has the mean colour.

        Args:
            image: (H, W, 3) uint8 RGB, any size; rows may be padded in memory.

        Returns:
            The batch, (1, 3, h, w) float32 RGB levels in 0..255, which the next call overwrites,
            and where the image lies in it.

        Raises:
            ValueError: If the image is not (H, W, 3) uint8.
        """
        _check_image(image)
        placement = self._placement
        if placement is None or placement.image_size != image.shape[:2]:
            placement = self._prepare(cast('tuple[int, int]', image.shape[:2]))
        if self._plan is None:
            self._fit(image)
        else:
            extension.fit(self._plan, image, self._batch, placement)
        return self._batch, placement

    def _fit(self, image: UInt8Array) -> None:
        """Do without the extension."""
        if self._resized.shape == image.shape:
            cv2.split(image, self._planes)
        else:
            self._resize(image)
            cv2.split(self._resized, self._planes)
        for target, plane in zip(self._targets, self._planes, strict=True):
            np.copyto(target, plane)

    def _resize(self, image: UInt8Array) -> None:
        """Scale an image into the buffer."""
        if image.shape[:2] == (1, 1):
            self._resized[:] = image  # OpenCV 4.5 (Humble) refuses a colour image of one pixel
        else:
            height, width, _ = self._resized.shape
            cv2.resize(image, (width, height), dst=self._resized)

    def _prepare(self, image_size: tuple[int, int]) -> Placement:
        """Colour the padding for a new image size, and lay out what fitting needs."""
        placement = place(image_size, self._spec)
        self._batch[0] = np.asarray(self._spec.mean, np.float32)[:, None, None]
        # OpenCV takes channels apart faster, where nothing is to be scaled.
        scaled = image_size != (placement.height, placement.width)
        self._plan = extension.plan_fit(placement) if scaled and extension.is_here() else None
        if self._plan is None:
            self._lay_out(placement)
        self._placement = placement
        return placement

    def _lay_out(self, placement: Placement) -> None:
        """Allocate the buffers that OpenCV fills."""
        self._resized = np.empty((placement.height, placement.width, 3), np.uint8)
        self._planes = [np.empty((placement.height, placement.width), np.uint8) for _ in range(3)]
        self._targets = list(placement.crop(self._batch[0]))


def _to_edge(length: float, limit: int) -> int:
    """Round a length [px] to a multiple of 4, at least 4, at most ``limit``."""
    return min(max(round(length / EDGE), 1) * EDGE, limit)


def _check_image(image: UInt8Array) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:  # noqa: PLR2004
        msg = f'Image is {image.shape} {image.dtype}; expected (H, W, 3) uint8 RGB.'
        raise ValueError(msg)


def _check_edges(height: object, width: object) -> None:
    for what, value in (('height', height), ('width', width)):
        if not isinstance(value, int) or value < EDGE or value % EDGE:
            msg = f'Input {what} is {value!r}; expected a multiple of {EDGE} pixels, at least 4.'
            raise ValueError(msg)


def _check_choice(what: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(one_of(what, value, choices))


def _check_levels(what: str, levels: tuple[float, ...], *, lowest: int) -> None:
    if len(levels) != 3 or not all(lowest <= level <= LARGEST_LEVEL for level in levels):  # noqa: PLR2004
        msg = (
            f'Input {what} is {levels!r}; expected three RGB levels in {lowest}..255. '
            'Multiply fractions of 1 by 255.'
        )
        raise ValueError(msg)


def _check_keys(values: Mapping[str, Any]) -> None:
    known = set(InputSpec.__dataclass_fields__)
    wrong = known.symmetric_difference(values)
    if wrong:
        msg = f'Input specification has {sorted(values)!r}; expected exactly {sorted(known)!r}.'
        raise ValueError(msg)


def _three_floats(what: str, values: object) -> tuple[float, float, float]:
    is_list = isinstance(values, (list, tuple)) and len(values) == 3  # noqa: PLR2004
    if not is_list or not all(isinstance(value, (int, float)) for value in cast('Any', values)):
        msg = f'Input {what} is {values!r}; expected three RGB levels.'
        raise ValueError(msg)
    red, green, blue = cast('tuple[float, float, float]', values)
    return float(red), float(green), float(blue)
