# SPDX-License-Identifier: Apache-2.0
"""The parameters of the node: one table, from which everything else is made or tested."""
