# SPDX-License-Identifier: Apache-2.0
"""Offline training: recipes, samples, losses and the loop.

The room imports torch and Lightning, so nothing is re-exported here.
"""
