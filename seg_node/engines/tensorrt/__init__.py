# SPDX-License-Identifier: Apache-2.0
"""TensorRT: engines built, kept on disk, and run through cuda-python without torch."""
