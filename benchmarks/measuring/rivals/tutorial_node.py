# SPDX-License-Identifier: Apache-2.0
"""The node that a competent user writes from tutorials: what ours is compared with.

Image message -> cv_bridge's conversion -> resize -> fractions, mean and deviation in numpy ->
torch on the CPU -> bilinear upsampling -> softmax and argmax in numpy -> label map, one confidence
image per class and a drivable mask, all published on every frame. The network and its weights are
those of the bundle. With the dense CRF, the labels are those of pydensecrf, called as its README
does, with the weights and widths there.
"""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import Image
import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from seg_node.bundle import Manifest
    from seg_node.model.network import SegNet

    UInt8Array = npt.NDArray[np.uint8]
    Place = tuple[int, int, int, int]  # top, left, height, width [px] in the network's input

__all__ = ['TutorialNode']

QUEUE = 10


def imgmsg_to_cv2(message: Any) -> npt.NDArray[np.uint8]:
    """Convert as cv_bridge does for rgb8."""
    rows = np.ndarray((message.height, message.step // 3, 3), np.uint8, buffer=message.data)
    return np.ascontiguousarray(rows[:, : message.width])


def cv2_to_imgmsg(image: npt.NDArray[np.uint8], encoding: str, header: Any) -> Image:
    """Convert as cv_bridge does."""
    message = Image()
    message.header = header
    message.encoding = encoding
    message.height, message.width = image.shape[:2]
    message.data.frombytes(image.tobytes())
    message.step = len(message.data) // message.height
    return message


def with_dense_crf(
    image: npt.NDArray[np.uint8], probabilities: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return (K, H, W) refined probabilities."""
    from pydensecrf import densecrf  # noqa: PLC0415 - only the comparison with the CRF needs it
    from pydensecrf.utils import unary_from_softmax  # noqa: PLC0415

    classes, height, width = probabilities.shape
    field = densecrf.DenseCRF2D(width, height, classes)
    field.setUnaryEnergy(unary_from_softmax(probabilities))
    field.addPairwiseGaussian(sxy=3, compat=3)
    field.addPairwiseBilateral(sxy=80, srgb=13, rgbim=image, compat=10)
    refined = np.array(field.inference(5), np.float32)
    return refined.reshape(classes, height, width)


class TutorialNode(Node):
    """Does everything in the callback, for every frame and every output."""

    def __init__(
        self,
        network: SegNet,
        manifest: Manifest,
        *,
        crf: bool = False,
        **options: Any,
    ) -> None:
        """Create one publisher per output.

        Args:
            network: (N, 3, H, W) float32 RGB levels to (N, K, h, w) scores; from now on it takes
                normalised ones.
            manifest: Sizes and classes.
            crf: Whether to refine the labels of every frame.
            options: For ``rclpy.node.Node``.
        """
        super().__init__('tutorial', **options)
        network.mean.zero_()
        network.std.fill_(1.0)
        self.network: Callable[[torch.Tensor], torch.Tensor] = network
        self.crf = crf
        self.spec = manifest.input
        self.mean, self.std = (np.array(one) / 255.0 for one in (self.spec.mean, self.spec.std))
        self.temperature = manifest.temperature
        self.drivable = int(manifest.taxonomy.drivable.argmax())
        self.publisher_label = self.create_publisher(Image, 'label', QUEUE)
        self.publisher_drivable = self.create_publisher(Image, 'drivable', QUEUE)
        self.publishers_confidence = [
            self.create_publisher(Image, f'confidence_{index}', QUEUE)
            for index in range(len(manifest.taxonomy))
        ]
        self.create_subscription(Image, 'image', self.on_image, QUEUE)

    def on_image(self, message: Any) -> None:
        """Segment and publish one frame."""
        image = imgmsg_to_cv2(message)
        batch, place = self.prepare(image)
        with torch.no_grad():
            scores = self.network(batch)
        label, drivable, probabilities = self.post_process(scores, place, image)
        confidence = self.in_bytes(probabilities)
        self.publisher_label.publish(cv2_to_imgmsg(label, 'mono8', message.header))
        for index, publisher in enumerate(self.publishers_confidence):
            publisher.publish(cv2_to_imgmsg(confidence[index], 'mono8', message.header))
        self.publisher_drivable.publish(cv2_to_imgmsg(drivable, 'mono8', message.header))

    def prepare(self, image: UInt8Array) -> tuple[torch.Tensor, Place]:
        """Return the network's input for an (H, W, 3) uint8 RGB image, and where it lies there."""
        canvas, place = self.letterbox(image)
        # In order, as torchvision's ToTensor leaves it.
        return torch.from_numpy(canvas.transpose(2, 0, 1)[None].copy()).float(), place

    def post_process(
        self, scores: torch.Tensor, place: Place, image: UInt8Array
    ) -> tuple[UInt8Array, UInt8Array, npt.NDArray[np.float32]]:
        """Return label map, drivable mask and (K, H, W) probabilities at the image's size."""
        probabilities = self.probabilities(scores, place, image.shape[:2])
        refined = with_dense_crf(image, probabilities) if self.crf else probabilities
        label = refined.argmax(0).astype(np.uint8)
        drivable = np.where(label == self.drivable, 255, 0).astype(np.uint8)
        return label, drivable, probabilities

    def in_bytes(self, probabilities: npt.NDArray[np.float32]) -> UInt8Array:
        """Return what is sent of probabilities."""
        return (probabilities * 255).astype(np.uint8)

    def probabilities(
        self, scores: torch.Tensor, place: Place, size: tuple[int, ...]
    ) -> npt.NDArray[np.float32]:
        """Return (K, H, W) class probabilities at the image's size."""
        top, left, height, width = place
        stride = self.spec.height // scores.shape[2]
        rows = slice(top // stride, (top + height) // stride)
        columns = slice(left // stride, (left + width) // stride)
        scores = functional.interpolate(
            scores[:, :, rows, columns], size=size, mode='bilinear', align_corners=False
        )
        logits = scores[0].numpy() / self.temperature
        powers = np.exp(logits - logits.max(0, keepdims=True))
        probabilities: npt.NDArray[np.float32] = powers / powers.sum(0, keepdims=True)
        return probabilities

    def letterbox(self, image: UInt8Array) -> tuple[npt.NDArray[np.float64], Place]:
        """Return the image resized and normalised, and where it lies in the network's input."""
        scale = min(self.spec.height / image.shape[0], self.spec.width / image.shape[1])
        height = min(round(image.shape[0] * scale / 4) * 4, self.spec.height)
        width = min(round(image.shape[1] * scale / 4) * 4, self.spec.width)
        top = (self.spec.height - height) // 8 * 4
        left = (self.spec.width - width) // 8 * 4
        canvas = np.zeros((self.spec.height, self.spec.width, 3))
        fractions = cv2.resize(image, (width, height)) / 255.0
        canvas[top : top + height, left : left + width] = (fractions - self.mean) / self.std
        return canvas, (top, left, height, width)
