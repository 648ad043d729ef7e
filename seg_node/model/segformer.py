# SPDX-License-Identifier: Apache-2.0
"""SegFormer of Hugging Face ``transformers`` in our form; needs the extra ``segformer``.

E. Xie, W. Wang, Z. Yu, A. Anandkumar, J. M. Alvarez and P. Luo, "SegFormer: Simple and Efficient
Design for Semantic Segmentation with Transformers", NeurIPS 2021, table 6. Only the widths and
depths are written here; the layers are those of ``transformers``, so its checkpoints load.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final, TYPE_CHECKING

from torch import nn, Tensor

from seg_node.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LIBRARY: Final = 'transformers'
WHOLE = {'segformer.': 'encoder.model.', 'decode_head.': 'decoder.head.'}


@dataclass(frozen=True, slots=True)
class Size:
    """One of the published sizes.

    Attributes:
        depths: Blocks of each of the four stages.
        widths: Channels of each stage.
        decoder: Channels of the decoder.
    """

    depths: tuple[int, ...]
    widths: tuple[int, ...]
    decoder: int


WIDE: Final = (64, 128, 320, 512)
SIZES: dict[str, Size] = {
    'segformer-b0': Size((2, 2, 2, 2), (32, 64, 160, 256), 256),
    'segformer-b1': Size((2, 2, 2, 2), WIDE, 256),
    'segformer-b2': Size((3, 4, 6, 3), WIDE, 768),
    'segformer-b3': Size((3, 4, 18, 3), WIDE, 768),
    'segformer-b4': Size((3, 8, 27, 3), WIDE, 768),
    'segformer-b5': Size((3, 6, 40, 3), WIDE, 768),
}


class SegformerEncoder(nn.Module):
    """The four stages of mix transformers."""

    def __init__(self, model: nn.Module) -> None:
        """Wrap a ``SegformerModel``."""
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Turn (N, 3, H, W) normalised images into one (N, C, h, w) map per stage."""
        return tuple(self.model(images, output_hidden_states=True).hidden_states)


class SegformerDecoder(nn.Module):
    """The published head of linear layers; scores a quarter of the size.

    Attributes:
        output_stride: Input pixels between neighbouring scores.
    """

    output_stride = 4

    def __init__(self, head: nn.Module) -> None:
        """Wrap a ``SegformerDecodeHead``."""
        super().__init__()
        self.head = head

    def forward(self, stages: tuple[Tensor, ...]) -> Tensor:
        """Turn the maps of all stages into (N, K, h, w) scores."""
        scores: Tensor = self.head(stages)
        return scores


def segformer_parts(family: str, classes: int) -> tuple[nn.Module, nn.Module]:
    """Return encoder and decoder with random weights.

    Raises:
        BundleError: ``transformers`` is not installed.
    """
    library, size = _transformers(), SIZES[family]
    config = library.SegformerConfig(
        num_labels=classes,
        depths=list(size.depths),
        hidden_sizes=list(size.widths),
        decoder_hidden_size=size.decoder,
    )
    whole = library.SegformerForSemanticSegmentation(config)
    return SegformerEncoder(whole.segformer), SegformerDecoder(whole.decode_head)


def read_checkpoint(folder: Path) -> Mapping[str, Tensor]:
    """Return the weights of a folder that ``transformers`` saved, by the names of our network.

    Args:
        folder: With ``config.json`` and ``model.safetensors`` or ``pytorch_model.bin``. Nothing is
            fetched from the network.

    Raises:
        BundleError: ``transformers`` is not installed, or the folder holds no SegFormer.
    """
    kind = _transformers().SegformerForSemanticSegmentation
    try:
        whole = kind.from_pretrained(str(folder), local_files_only=True)
    except Exception as err:  # the library's errors have no common base class
        msg = f'{str(folder)!r} holds no SegFormer that transformers can load: {err}'
        raise BundleError(msg) from err
    state = {}
    for name, value in whole.state_dict().items():
        prefix = next(one for one in WHOLE if name.startswith(one))
        state[WHOLE[prefix] + name[len(prefix) :]] = value
    return state


def _transformers() -> Any:
    try:
        return import_module(LIBRARY)
    except ModuleNotFoundError as err:
        msg = (
            'SegFormer needs transformers, which is not installed: '
            "pip install 'seg_node[segformer]'."
        )
        raise BundleError(msg) from err
