# SPDX-License-Identifier: Apache-2.0
"""What every network of a bundle takes and gives, compared with the manifest before it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seg_node.engines.base import CHANNELS, IMAGE, SCORES
from seg_node.errors import TensorMismatchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seg_node.bundle import Manifest

    Tensors = Sequence[tuple[str, Sequence[int | str | None]]]

__all__ = ['check_interface']


def check_interface(manifest: Manifest, inputs: Tensors, outputs: Tensors) -> None:
    """Refuse a network that is not the one of the manifest.

    Args:
        manifest: Of the bundle.
        inputs: Name and shape of each input of the network, the batch first; a side that the
            network leaves open is no number.
        outputs: The same of the outputs.

    Raises:
        TensorMismatchError: If the network has not exactly one input ``image`` and an output
            ``scores`` of the shapes that the manifest says, whatever the batch.
    """
    spec, stride = manifest.input, manifest.output_stride
    scores = [len(manifest.taxonomy), spec.height // stride, spec.width // stride]
    _check_shapes(IMAGE, inputs, [CHANNELS, spec.height, spec.width])
    _check_shapes(SCORES, [one for one in outputs if one[0] == SCORES], scores)


def _check_shapes(name: str, tensors: Tensors, shape: Sequence[int]) -> None:
    """Refuse all but one such tensor of that shape.

    A side that the network leaves open is known only after a run, which is checked as well.
    """
    got = [(one, list(sides)[1:]) for one, sides in tensors]
    fits = len(got) == 1 and got[0][0] == name and len(got[0][1]) == len(shape)
    if fits:
        sides = zip(got[0][1], shape, strict=True)
        fits = all(side == wanted or not isinstance(side, int) for side, wanted in sides)
    if not fits:
        raise TensorMismatchError(
            name,
            expected=f'one of shape (N, {", ".join(map(str, shape))})',
            got=', '.join(f'{one!r} of shape (N, {sides})' for one, sides in got) or 'none',
            remedy='Network and manifest disagree: export the bundle with "seg export".',
        )
