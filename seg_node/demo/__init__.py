# SPDX-License-Identifier: Apache-2.0
"""The first thing to run: the real node, a made-up drive, and pictures of what comes out.

This room starts processes and draws; it knows no ROS itself. Camera and recorder are
``seg_node.ros.drives.player`` and ``seg_node.ros.drives.recorder``.
"""

from .options import DemoOptions
from .report import table
from .run import DemoResult, run_demo

__all__ = ['DemoOptions', 'DemoResult', 'run_demo', 'table']
