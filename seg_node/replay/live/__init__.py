# SPDX-License-Identifier: Apache-2.0
"""A recording played to the node in real time, next to the same replayed offline.

rclpy is not imported here: node, player and recorder are processes of the ``ros`` room.
"""
