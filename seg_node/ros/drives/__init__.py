# SPDX-License-Identifier: Apache-2.0
"""Processes beside the node that play a drive to it and record what it sends."""
