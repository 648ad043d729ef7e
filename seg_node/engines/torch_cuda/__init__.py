# SPDX-License-Identifier: Apache-2.0
"""The deployed graph as a torch module on CUDA, where there is no TensorRT."""
