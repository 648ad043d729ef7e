# SPDX-License-Identifier: Apache-2.0
"""The ROS node. Importing this package costs nothing; its modules import rclpy."""
