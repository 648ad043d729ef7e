# SPDX-License-Identifier: Apache-2.0
"""The weights of a bundle for another size of the input, or with coarser scores."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seg_node.errors import ExportError
from seg_node.model.build import build_network
from seg_node.model.config import NetConfig
from seg_node.model.export import export_bundle
from seg_node.model.weights import load_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    import numpy as np
    import numpy.typing as npt

    from seg_node.bundle import Bundle, Manifest
    from seg_node.imaging import InputSpec

    Images = Sequence[npt.NDArray[np.float32]]

__all__ = ['resize_bundle']

FOR_A_SIZE = ('export', 'int8')


def resize_bundle(
    bundle: Bundle,
    folder: Path,
    images: Callable[[InputSpec], Images],
    *,
    size: tuple[int, int] | None = None,
    stride: int | None = None,
) -> Bundle:
    """Write a bundle of the same weights for another input.

    Figures, temperature, drivable threshold and CRF preset are those of the original; the manifest
    says at which size they were measured. Networks in integers are left out: ranges of activations
    differ with the size.

    Args:
        bundle: With weights for torch.
        folder: Where the new bundle goes.
        images: Gives (1, 3, H, W) float32 RGB levels 0..255 for an input, at least one; torch and
            ONNX Runtime have to agree on them.
        size: Height and width of the input [px], multiples of 4; by default the bundle's.
        stride: Input pixels per score, the network's own stride or a multiple up to 4; by default
            the bundle's.

    Raises:
        BundleError: The bundle has no weights for torch, or the folder is in use.
        ExportError: The stride is finer than the network's, the size not a multiple of 4, or ONNX
            Runtime disagrees with torch.
    """
    old = bundle.manifest
    weights = bundle.weights_path  # first: an imported ONNX has none, and no architecture
    network = build_network(NetConfig.from_dict(old.architecture))
    load_weights(network, weights)
    try:
        network.coarsen(stride or old.output_stride)
        height, width = size or (old.input.height, old.input.width)
        spec = replace(old.input, height=height, width=width)
    except ValueError as err:
        msg = f'Bundle {old.name!r} cannot be resized: {err}'
        raise ExportError(msg) from err
    name = f'{old.name}-{height}x{width}-stride{network.output_stride}'
    manifest = replace(
        old, name=name, input=spec, precision='fp32', quality=_history(old), files={}
    )
    return export_bundle(network, manifest, folder, images(spec))


def _history(old: Manifest) -> Mapping[str, Any]:
    """Return the figures of the original under words that say what they are of."""
    figures = {key: value for key, value in old.quality.items() if key not in FOR_A_SIZE}
    size = f'{old.input.height} x {old.input.width}'
    words = f'measured at {size}, stride {old.output_stride}, as were temperature and threshold'
    return {words: figures} if figures else {}
