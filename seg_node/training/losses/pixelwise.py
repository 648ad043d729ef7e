# SPDX-License-Identifier: Apache-2.0
"""Losses that are sums over pixels: cross-entropy, focal loss and hard pixels alone.

A pixel i weighs ``u_i = m_i sum_k t_i[k] w[k]`` with class weights w and pixel weights m, 1 where
none are given and 0 where unlabelled. ``mean`` is ``sum_i u_i L_i / sum_i u_i``, so a common
factor of all weights drops out; ``sum`` is ``sum_i u_i L_i``.
"""

from __future__ import annotations

import math
from typing import Literal, TYPE_CHECKING

from seg_node.training.losses.targets import at_least_single, LEAST, Targets

if TYPE_CHECKING:
    from torch import Tensor

Reduction = Literal['mean', 'sum']


def cross_entropy(
    log_probabilities: Tensor,
    targets: Tensor,
    *,
    weights: Tensor | None = None,
    pixel_weights: Tensor | None = None,
    label_smoothing: float = 0.0,
    reduction: Reduction = 'mean',
) -> Tensor:
    """Return the cross-entropy over labelled pixels.

    ``L_i = -(1 - e) sum_k t_i[k] log p_i[k] - e/K sum_k log p_i[k]`` with smoothing e (Szegedy et
    al., 2016, section 7).

    Args:
        log_probabilities: (N, K, H, W).
        targets: Ids or maps.
        weights: (K,) or None for 1.
        pixel_weights: (N, H, W) or None for 1.
        label_smoothing: Share e of the target that is spread evenly over the classes, 0..1.
        reduction: See above.
    """
    truth = Targets(targets, log_probabilities.shape[1])
    logs = at_least_single(log_probabilities)
    losses = -truth.pick(logs)
    if label_smoothing:
        losses = (1 - label_smoothing) * losses - label_smoothing * logs.mean(1)
    return _reduce(losses, _pixel_weights(truth, weights, pixel_weights, losses), reduction)


def focal_loss(
    log_probabilities: Tensor,
    targets: Tensor,
    *,
    gamma: float = 2.0,
    weights: Tensor | None = None,
    pixel_weights: Tensor | None = None,
    reduction: Reduction = 'mean',
) -> Tensor:
    """Return the focal loss over labelled pixels.

    ``L_i = -sum_k t_i[k] (1 - p_i[k])^gamma log p_i[k]`` (Lin et al., 2017, equation 5, with the
    class weights as its alpha and the softmax in place of its sigmoids). ``gamma`` 0 is the
    cross-entropy; 2 is the paper's choice.

    Args:
        log_probabilities: (N, K, H, W).
        targets: Ids or maps.
        gamma: How quickly pixels that are right stop to count, 0 or more.
        weights: (K,) or None for 1.
        pixel_weights: (N, H, W) or None for 1.
        reduction: See above.
    """
    truth = Targets(targets, log_probabilities.shape[1])

    def focus(logs: Tensor) -> Tensor:
        missing = (-logs.expm1()).clamp_min(LEAST)  # 1 - p; x^gamma may have no slope at 0
        return logs * missing**gamma

    losses = -truth.pick(at_least_single(log_probabilities), focus)
    return _reduce(losses, _pixel_weights(truth, weights, pixel_weights, losses), reduction)


def hard_pixel_loss(
    log_probabilities: Tensor,
    targets: Tensor,
    *,
    threshold: float = 0.7,
    kept: float = 1 / 16,
    weights: Tensor | None = None,
    pixel_weights: Tensor | None = None,
    reduction: Reduction = 'mean',
) -> Tensor:
    """Return the cross-entropy of the hard pixels (online hard example mining, OHEM).

    Hard are pixels whose true class has a probability below ``threshold``, and at least the
    hardest ``kept`` of the labelled ones (Shrivastava et al., 2016; per pixel and with a
    threshold as in Wu et al., 2016, section 2.3). Hardness is without weights: a heavy class is
    not hard because it is heavy.

    Args:
        log_probabilities: (N, K, H, W).
        targets: Ids or maps.
        threshold: Probability from which on a pixel is easy, 0..1.
        kept: Least share of the labelled pixels of the batch, 0..1.
        weights: (K,) or None for 1.
        pixel_weights: (N, H, W) or None for 1.
        reduction: See above.
    """
    truth = Targets(targets, log_probabilities.shape[1])
    losses = -truth.pick(at_least_single(log_probabilities))
    limit = _hard_limit(losses.detach()[truth.valid], threshold, kept)
    factors = _pixel_weights(truth, weights, pixel_weights, losses) * (losses >= limit)
    return _reduce(losses, factors, reduction)


def _hard_limit(losses: Tensor, threshold: float, kept: float) -> float:
    """Return the least loss of a hard pixel."""
    limit = -math.log(max(threshold, LEAST))
    least = math.ceil(kept * len(losses))
    if least and int((losses >= limit).sum()) < least:
        return float(losses.topk(least, sorted=False).values.min())
    return limit


def _pixel_weights(
    truth: Targets, weights: Tensor | None, pixel_weights: Tensor | None, like: Tensor
) -> Tensor:
    factors = truth.valid.to(like.dtype)
    if weights is not None:
        factors = truth.pick_weights(weights.to(like.dtype))
    return factors if pixel_weights is None else factors * pixel_weights.to(like.dtype)


def _reduce(losses: Tensor, factors: Tensor, reduction: Reduction) -> Tensor:
    total = (factors * losses).sum()
    return total if reduction == 'sum' else total / factors.sum().clamp_min(LEAST)
