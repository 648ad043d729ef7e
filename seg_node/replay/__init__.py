# SPDX-License-Identifier: Apache-2.0
"""Recorded drives through the pipeline of the node.

Frames become records and additive sums, sums become figures. Whatever reads a bag needs the
``replay`` extra (rosbags), so modules are imported by their full names.
"""
