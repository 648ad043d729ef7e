# SPDX-License-Identifier: Apache-2.0
"""Overlap of predicted and true regions: soft Dice, soft IoU and Tversky.

All are taken per class over the whole batch and then averaged over the classes that occur in the
targets. An absent class has no overlap to gain, so its coefficient is 0 and says nothing; it is
left out, and the cross-entropy punishes probability there.

With ``TP_k = sum_i p_i[k] t_i[k]``, ``FP_k = sum_i p_i[k] - TP_k``, ``FN_k = sum_i t_i[k] - TP_k``
over labelled pixels i, the Tversky index is ``TP / (TP + a FP + b FN)`` (Salehi et al., 2017,
equation 3). Dice is a = b = 1/2, IoU (Jaccard) is a = b = 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seg_node.training.losses.targets import at_least_single, LEAST, Targets


def soft_tversky(
    probabilities: Tensor, targets: Tensor, *, false_positives: float, false_negatives: float
) -> tuple[Tensor, Tensor]:
    """Return the Tversky index of each class over the whole batch.

    Args:
        probabilities: (N, K, H, W) in 0..1.
        targets: Ids or maps.
        false_positives: Weight a of probability in the wrong place.
        false_negatives: Weight b of missing probability.

    Returns:
        (K,) indices, and (K,) bool: whether the class occurs in ``targets``.
    """
    overlap, predicted, true = _sums(probabilities, targets)
    wrong = false_positives * (predicted - overlap) + false_negatives * (true - overlap)
    return overlap / (overlap + wrong).clamp_min(LEAST), true > 0


def soft_dice(
    probabilities: Tensor, targets: Tensor, *, squared: bool = False
) -> tuple[Tensor, Tensor]:
    """Return the soft Dice coefficient of each class over the whole batch.

    ``D_k = 2 sum_i p_i[k] t_i[k] / (sum_i p_i[k] + sum_i t_i[k])``. Truth [0, 1, 0] and
    prediction [0.1, 0.8, 0.1] give 1.6 / (1.0 + 1.0) = 0.8. With ``squared`` the sums below are
    those of the squares (Milletari et al., 2016): 1.6 / (0.66 + 1.0) = 0.964.

    Args:
        probabilities: (N, K, H, W) in 0..1.
        targets: Ids or maps.
        squared: Whether to square what is summed below.

    Returns:
        (K,) coefficients, and (K,) bool: whether the class occurs in ``targets``.
    """
    overlap, predicted, true = _sums(probabilities, targets, squared=squared)
    return 2 * overlap / (predicted + true).clamp_min(LEAST), true > 0


def soft_jaccard(probabilities: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the soft IoU of each class over the whole batch.

    ``J_k = TP_k / (TP_k + FP_k + FN_k)`` (Rahman and Wang, 2016, equation 3).

    Args:
        probabilities: (N, K, H, W) in 0..1.
        targets: Ids or maps.

    Returns:
        (K,) coefficients, and (K,) bool: whether the class occurs in ``targets``.
    """
    return soft_tversky(probabilities, targets, false_positives=1.0, false_negatives=1.0)


def dice_loss(probabilities: Tensor, targets: Tensor, *, squared: bool = False) -> Tensor:
    """Return 1 minus the soft Dice coefficient, averaged over the classes that occur."""
    return _one_minus_mean(*soft_dice(probabilities, targets, squared=squared))


def jaccard_loss(probabilities: Tensor, targets: Tensor) -> Tensor:
    """Return 1 minus the soft IoU, averaged over the classes that occur."""
    return _one_minus_mean(*soft_jaccard(probabilities, targets))


def tversky_loss(
    probabilities: Tensor,
    targets: Tensor,
    *,
    false_positives: float = 0.3,
    false_negatives: float = 0.7,
) -> Tensor:
    """Return 1 minus the Tversky index, averaged over the classes that occur.

    ``false_negatives`` above ``false_positives`` buys recall with precision. The defaults did
    best in the paper.
    """
    indices, there = soft_tversky(
        probabilities, targets, false_positives=false_positives, false_negatives=false_negatives
    )
    return _one_minus_mean(indices, there)


def _sums(
    probabilities: Tensor, targets: Tensor, *, squared: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """Return overlap, predicted and true sums, (K,) each."""
    truth = Targets(targets, probabilities.shape[1])
    predicted = at_least_single(probabilities)
    overlap, true = truth.overlap(predicted), truth.sums(squared=squared)
    below = predicted.square() if squared else predicted
    return overlap, torch.einsum('nkhw,nhw->k', below, truth.valid.to(below.dtype)), true


def _one_minus_mean(coefficients: Tensor, there: Tensor) -> Tensor:
    return ((1 - coefficients) * there).sum() / there.sum().clamp_min(1)
