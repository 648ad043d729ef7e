# SPDX-License-Identifier: Apache-2.0
"""What training minimises.

Scores are (N, K, H, W) logits. Targets are ids, (N, H, W) integers with 255 for unlabelled, or
maps, (N, K, H, W) shares that sum to 1 at a labelled pixel and are all zero at an unlabelled one.
Every loss takes both and gives ids and their one-hot maps the same value. All sums are taken in
float32 at least; without a labelled pixel a loss is 0 and so is its gradient.
"""
