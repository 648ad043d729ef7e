# SPDX-License-Identifier: Apache-2.0
"""Recorded drives, rosbag2 and rosbag1, without ROS.

The only room that knows rosbags. Its modules are imported by their full names, because reading
needs the ``replay`` extra.
"""
