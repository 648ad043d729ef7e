# SPDX-License-Identifier: Apache-2.0
"""The networks: encoder, decoder and how they are put together, filled with weights and exported.

The room imports torch, so nothing is re-exported here: importing the package costs nothing.
"""
