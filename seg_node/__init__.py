# SPDX-License-Identifier: Apache-2.0
"""Semantic segmentation of camera images as a ROS 2 node, and how to train its models."""

__version__ = '0.1.0'
