# SPDX-License-Identifier: Apache-2.0
"""Scores from coarser levels of a decoder, to train on and to throw away.

Deep supervision (Lee et al., 2015): each level is told what it should have seen, which brings the
gradient to the encoder by a shorter way. The heads are no part of the network, so neither its
weights nor its exported graph know of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn, Tensor

from seg_node.errors import ParameterError

if TYPE_CHECKING:
    from seg_node.model.network import SegNet


class AuxiliaryHeads(nn.Module):
    """One 1x1 convolution for each decoder level but the finest."""

    def __init__(self, network: SegNet, classes: int) -> None:
        """Make heads with random weights.

        Args:
            network: Whose decoder has ``levels`` and ``level_widths``.
            classes: Number of score planes K.

        Raises:
            ParameterError: The decoder has no coarser levels.
        """
        super().__init__()
        widths = getattr(network.decoder, 'level_widths', ())[:-1]
        if not widths:
            msg = (
                f'The decoder {type(network.decoder).__name__!r} has no coarser levels to train '
                'on; expected some. Set loss.auxiliary to 0 or choose another network.family.'
            )
            raise ParameterError(msg)
        self.heads = nn.ModuleList([nn.Conv2d(width, classes, 1) for width in widths])

    def forward(self, network: SegNet, images: Tensor) -> list[Tensor]:
        """Return the network's own scores, then those of the coarser levels, finest first.

        Args:
            network: That the heads were made for.
            images: (N, 3, H, W) float32, RGB levels 0..255.

        Returns:
            (N, K, h, w) scores, each on a coarser grid than the one before.
        """
        scores, levels = network.forward_with_levels(images)
        coarser = [head(level) for head, level in zip(self.heads, levels, strict=True)]
        return [scores, *coarser[::-1]]
