# SPDX-License-Identifier: Apache-2.0
"""How fast the node is on this machine: engine, pipeline, node; and whether it got faster.

What is measured runs in processes of its own, which this room starts by name; it is free of ROS.
"""

from .benchmark import run_benchmark
from .compare import changes, FEWEST_RUNS, read_result, warnings
from .options import BenchmarkOptions, SIZES, SUBJECTS
from .rules import parse_rule, Rule
from .text import changes_text, result_text

__all__ = [
    'FEWEST_RUNS',
    'SIZES',
    'SUBJECTS',
    'BenchmarkOptions',
    'Rule',
    'changes',
    'changes_text',
    'parse_rule',
    'read_result',
    'result_text',
    'run_benchmark',
    'warnings',
]
