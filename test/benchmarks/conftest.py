# SPDX-License-Identifier: Apache-2.0
"""The scripts in ``benchmarks/`` import each other by name."""

from __future__ import annotations

from pathlib import Path
import sys

sys.path.insert(0, str(Path(__file__).parents[2] / 'benchmarks'))
