# SPDX-License-Identifier: Apache-2.0
"""Assembly of the networks: the only file with layer counts and widths."""

from __future__ import annotations

from typing import Final, TYPE_CHECKING

from seg_node.model.decoder import SkipDecoder
from seg_node.model.encoder import LiteEncoder, Stage
from seg_node.model.erfnet import (
    DownsamplerBlock,
    ErfDecoder,
    ErfEncoder,
    NonBottleneck1d,
    UpsamplerBlock,
)
from seg_node.model.network import SegNet
from seg_node.model.segformer import segformer_parts, SIZES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import nn

    from seg_node.model.config import NetConfig

LITE0_STEM: Final = 32
LITE0_STAGES: Final = (
    Stage(blocks=1, kernel=3, stride=1, expansion=1, channels=16),
    Stage(blocks=2, kernel=3, stride=2, expansion=6, channels=24),
    Stage(blocks=2, kernel=5, stride=2, expansion=6, channels=40),
    Stage(blocks=3, kernel=3, stride=2, expansion=6, channels=80),
    Stage(blocks=3, kernel=5, stride=1, expansion=6, channels=112),
    Stage(blocks=4, kernel=5, stride=2, expansion=6, channels=192),
    Stage(blocks=1, kernel=3, stride=1, expansion=6, channels=320),
)
LITE0_WIDTHS: Final = {2: 24, 4: 64, 8: 96, 16: 96, 32: 96}  # of the decoder, by stride


def build_network(config: NetConfig) -> SegNet:
    """Build a network with random weights, in training mode."""
    encoder, decoder = FAMILY_PARTS[config.family](config)
    return SegNet(encoder, decoder, mean=config.mean, std=config.std)


def skip_network_parts(
    classes: int, *, stem: int, stages: tuple[Stage, ...], widths: Mapping[int, int]
) -> tuple[nn.Module, nn.Module]:
    """Return a lite encoder and a decoder that scores at stride 2.

    Args:
        classes: Number of score planes.
        stem: Channels of the encoder's first convolution.
        stages: Rest of the encoder.
        widths: Channels of the decoder by the stride of the features it merges, finest first.
    """
    encoder = LiteEncoder(stem=stem, stages=stages, finest_stride=min(widths))
    decoder = SkipDecoder(
        channels=encoder.channels,
        strides=encoder.strides,
        widths=tuple(widths.values()),
        classes=classes,
    )
    return encoder, decoder


def _lite0(config: NetConfig) -> tuple[nn.Module, nn.Module]:
    widths = {key: width for key, width in LITE0_WIDTHS.items() if key >= config.finest_stride}
    return skip_network_parts(config.classes, stem=LITE0_STEM, stages=LITE0_STAGES, widths=widths)


def _erfnet(config: NetConfig) -> tuple[nn.Module, nn.Module]:
    encoder: list[nn.Module] = [DownsamplerBlock(16, 64)]
    encoder += [NonBottleneck1d(64, 0.03, 1) for _ in range(5)]
    encoder += [DownsamplerBlock(64, 128)]
    encoder += [NonBottleneck1d(128, 0.3, dilation) for dilation in (2, 4, 8, 16) * 2]
    decoder = [
        UpsamplerBlock(128, 64),
        *(NonBottleneck1d(64, 0.0, 1) for _ in range(2)),
        UpsamplerBlock(64, 16),
        *(NonBottleneck1d(16, 0.0, 1) for _ in range(2)),
    ]
    return ErfEncoder(encoder), ErfDecoder(decoder, inputs=16, classes=config.classes)


def _segformer(config: NetConfig) -> tuple[nn.Module, nn.Module]:
    return segformer_parts(config.family, config.classes)


FAMILY_PARTS: Final[Mapping[str, Callable[[NetConfig], tuple[nn.Module, nn.Module]]]] = {
    'erfnet': _erfnet,
    'lite0': _lite0,
    **dict.fromkeys(SIZES, _segformer),
}
