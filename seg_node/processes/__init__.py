# SPDX-License-Identifier: Apache-2.0
"""Node, player and recorder as processes of a command, in a DDS domain of their own."""

from .crew import Crew, Event, polite_signals
from .domain import environment, free_domain
from .node import NODE, refuse_error, require_ros, ros_arguments
from .usage import anonymous_memory_mb, cpu_seconds, peak_memory_mb
from .waiting import await_counts, await_ready, settle

__all__ = [
    'NODE',
    'Crew',
    'Event',
    'anonymous_memory_mb',
    'await_counts',
    'await_ready',
    'cpu_seconds',
    'environment',
    'free_domain',
    'peak_memory_mb',
    'polite_signals',
    'refuse_error',
    'require_ros',
    'ros_arguments',
    'settle',
]
