# SPDX-License-Identifier: Apache-2.0
"""Files that connect the node to the programs which read its masks; free of ROS."""

from .consumers import CONSUMERS, generate, write_files
from .needs import subscriptions
from .site import Site

__all__ = ['CONSUMERS', 'Site', 'generate', 'subscriptions', 'write_files']
