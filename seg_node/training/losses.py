# SPDX-License-Identifier: Apache-2.0
"""What training minimises. Scores are (N, K, H, W) logits, labels (N, H, W) int64, 255 ignored."""

from __future__ import annotations

import torch
from torch import nn, Tensor

from seg_node.taxonomy import UNLABELLED

LEAST = 1e-6  # keeps empty sums from dividing by zero


def cross_entropy(
    log_probabilities: Tensor,
    labels: Tensor,
    *,
    weights: Tensor | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the weighted mean cross-entropy over labelled pixels.

    ``L = sum_i w[y_i] H_i / sum_i w[y_i]`` with ``H_i = -(1 - e) log p_i[y_i] - e/K sum_k log
    p_i[k]`` and smoothing e (Szegedy et al., 2016, section 7). No labelled pixel gives 0.

    Args:
        log_probabilities: (N, K, H, W).
        labels: (N, H, W) int64, 255 ignored.
        weights: (K,) or None for 1.
        label_smoothing: Share e of the target that is spread evenly over the classes, 0..1.
    """
    valid = labels != UNLABELLED
    index = labels.where(valid, 0)
    losses = -log_probabilities.gather(1, index[:, None])[:, 0]
    if label_smoothing:
        losses = (1 - label_smoothing) * losses - label_smoothing * log_probabilities.mean(1)
    factors = valid.to(losses.dtype)
    if weights is not None:
        factors = factors * weights[index]
    return (factors * losses).sum() / factors.sum().clamp_min(LEAST)


def soft_dice(probabilities: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the soft Dice coefficient of each class over the whole batch.

    ``D_k = 2 sum_i p_i[k] t_i[k] / (sum_i p_i[k] + sum_i t_i[k])`` over labelled pixels, t one-hot
    (Milletari et al., 2016, with plain instead of squared sums).

    Args:
        probabilities: (N, K, H, W) in 0..1.
        labels: (N, H, W) int64, 255 ignored.

    Returns:
        (K,) coefficients, and (K,) bool: whether the class occurs in ``labels``. The coefficient
        of an absent class is 0 and says nothing.
    """
    classes = probabilities.shape[1]
    valid = labels != UNLABELLED
    index = labels.where(valid, 0)
    hits = probabilities.gather(1, index[:, None])[:, 0] * valid
    true = torch.bincount(labels[valid], minlength=classes).to(hits.dtype)
    zeros = torch.zeros(classes, dtype=hits.dtype, device=hits.device)
    overlap = zeros.index_add(0, index.flatten(), hits.flatten())
    predicted = torch.einsum('nkhw,nhw->k', probabilities, valid.to(probabilities.dtype))
    return 2 * overlap / (predicted + true).clamp_min(LEAST), true > 0


def dice_loss(probabilities: Tensor, labels: Tensor) -> Tensor:
    """Return 1 minus the soft Dice coefficient, averaged over the classes that occur.

    An absent class has no overlap to gain; the cross-entropy already punishes probability there.
    """
    dice, present = soft_dice(probabilities, labels)
    return ((1 - dice) * present).sum() / present.sum().clamp_min(1)


class SegmentationLoss(nn.Module):
    """``alpha`` times the cross-entropy plus ``beta`` times the Dice loss."""

    weights: Tensor

    def __init__(
        self, weights: Tensor, *, alpha: float = 1.0, beta: float = 0.0, smoothing: float = 0.0
    ) -> None:
        """Combine both losses.

        Args:
            weights: (K,) class weights of the cross-entropy.
            alpha: Factor of the cross-entropy.
            beta: Factor of the Dice loss.
            smoothing: Label smoothing of the cross-entropy.
        """
        super().__init__()
        self.register_buffer('weights', weights.float(), persistent=False)
        self.alpha, self.beta, self.smoothing = alpha, beta, smoothing

    def forward(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of (N, K, H, W) scores against (N, H, W) labels."""
        logs = scores.log_softmax(1)
        loss = self.alpha * cross_entropy(
            logs, labels, weights=self.weights, label_smoothing=self.smoothing
        )
        if self.beta:
            loss = loss + self.beta * dice_loss(logs.exp(), labels)
        return loss
