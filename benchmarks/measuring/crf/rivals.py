# SPDX-License-Identifier: Apache-2.0
"""The rivals: pydensecrf as its users call it, and the modes of ours, from the same input."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import cast, TYPE_CHECKING

import numpy as np
from pydensecrf import densecrf
from pydensecrf.utils import unary_from_softmax

from seg_node.crf import (
    BilateralKernel,
    CrfOptions,
    GaussianKernel,
    native_backend,
    refine,
    refine_labels,
)
from seg_node.crf.tuned import TUNED, tuned_crf
from seg_node.taxonomy import class_groups

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from measuring.crf.frames import Frame
    from seg_node.bundle import Bundle
    from seg_node.crf.options import Mode
    from seg_node.taxonomy import Taxonomy

    Float32Array = npt.NDArray[np.float32]
    Labels = npt.NDArray[np.uint8]

__all__ = [
    'MODES',
    'PARAMETERS',
    'REFERENCE',
    'computed_share',
    'labels_of',
    'marginals',
    'parameters_of',
    'reference_marginals',
]

REFERENCE = 'pydensecrf'
MODES = ('exact', 'balanced', 'fast')
PARAMETERS = {
    'classic': CrfOptions(),
    'mild': CrfOptions((GaussianKernel(3.0, 1.0), BilateralKernel(40.0, 5.0, 4.0))),
}
"""``classic`` is what tutorials use; ``mild`` is like what tuning finds: small srgb is harder."""


def parameters_of(bundle: Bundle, classes: Taxonomy) -> dict[str, CrfOptions]:
    """Return the sets of parameters by name; with those tuned for a bundle if it carries any.

    Args:
        bundle: Whose classes the tuned ones are for.
        classes: That they are wanted for: groups of the bundle's, each of one kind (thin things,
            objects, surfaces), so that a group's compat is that of its first class.
    """
    tuned = tuned_crf(bundle.manifest)
    if tuned is None:
        return PARAMETERS
    firsts = class_groups(bundle.manifest.taxonomy, classes).argmax(axis=1).tolist()
    kernels = tuple(
        replace(kernel, compat=tuple(kernel.compat[first] for first in firsts))
        if isinstance(kernel.compat, tuple)
        else kernel
        for kernel in tuned.options.kernels
    )
    return {**PARAMETERS, TUNED: replace(tuned.options, kernels=kernels)}


def reference_marginals(frame: Frame, options: CrfOptions) -> Float32Array:
    """Return the (K, H, W) marginals of pydensecrf, called as its README does.

    Args:
        frame: Image and probabilities.
        options: With a number as ``compat`` of each kernel, which means the same in both.
    """
    classes, height, width = frame.probabilities.shape
    field = densecrf.DenseCRF2D(width, height, classes)
    field.setUnaryEnergy(unary_from_softmax(frame.probabilities, clip=options.clip))
    for kernel in options.kernels:
        if isinstance(kernel, BilateralKernel):
            field.addPairwiseBilateral(
                sxy=kernel.sxy, srgb=kernel.srgb, rgbim=frame.image, compat=kernel.compat
            )
        else:
            field.addPairwiseGaussian(sxy=kernel.sxy, compat=kernel.compat)
    marginals = np.array(field.inference(options.iterations), np.float32)
    return marginals.reshape(frame.probabilities.shape)


def marginals(rival: str, frame: Frame, options: CrfOptions) -> Float32Array:
    """Return the (K, H, W) marginals of a rival; see ``labels_of``."""
    if rival == REFERENCE:
        return reference_marginals(frame, options)
    return refine(frame.probabilities, frame.image, _ours(rival, options))


def labels_of(rival: str, frame: Frame, options: CrfOptions) -> Callable[[], Labels]:
    """Return what refines the labels of a frame.

    Args:
        rival: ``'pydensecrf'``; or a mode of the native back end, with ``', N threads'`` after it
            for more than one.
        frame: Image and probabilities.
        options: Of the CRF.
    """
    if rival == REFERENCE:
        return lambda: reference_marginals(frame, options).argmax(axis=0).astype(np.uint8)
    return partial(refine_labels, frame.probabilities, frame.image, _ours(rival, options))


def computed_share(rival: str, frame: Frame, options: CrfOptions) -> float:
    """Return for which share of the pixels a mode of ours computes the last update."""
    ours = _ours(rival, options)
    count = native_backend.labels_and_count(frame.probabilities, frame.image, ours)[1]
    return count / frame.truth.size


def _ours(rival: str, options: CrfOptions) -> CrfOptions:
    mode, _, threads = rival.partition(', ')
    count = int(threads.split()[0]) if threads else 1
    return replace(options, mode=cast('Mode', mode), threads=count, backend='native')
