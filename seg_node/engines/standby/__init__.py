# SPDX-License-Identifier: Apache-2.0
"""A GPU that takes over from the CPU when its engine is ready, and gives back when it fails."""
