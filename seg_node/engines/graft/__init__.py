# SPDX-License-Identifier: Apache-2.0
"""From a bundle's network to the graph that a GPU runs. Needs ``onnx``."""

from .graph import deployed_onnx

__all__ = ['deployed_onnx']
