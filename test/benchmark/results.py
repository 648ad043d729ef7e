# SPDX-License-Identifier: Apache-2.0
"""Results of benchmarks as ``--out`` writes them, made up."""

from __future__ import annotations

from typing import Any

import numpy as np


def row(
    key: str, level: float, noise: float, seed: int, *, rate: float = 0.0, **changes: Any
) -> dict[str, Any]:
    """Return a scene whose runs take about ``level`` [ms], each off by ``noise`` (a share)."""
    rng = np.random.default_rng(seed)
    times = level * np.exp(noise * rng.standard_normal(5))
    subject, *_ = key.split('.')
    runs = [{'p50': one, 'p95': one, 'p99': one, 'cpu': one, 'rate': 1e3 / one} for one in times]
    highest = {'highest_rate': {'rate': rate, 'lost_percent': 1.0}} if rate else {}
    return {
        'key': key,
        'subject': subject,
        'size': '720p',
        'cameras': 1 if rate else None,
        'latency_ms': {'p50': level, 'p95': level, 'p99': level},
        'cpu_ms': level,
        'frames_per_second': 1e3 / level,
        'frames': 100,
        'lost': 0,
        'runs': runs,
        'peak_memory_mb': 400.0,
        'accuracy': {'mean_iou': 0.548, 'source': 'manifest'},
        **highest,
        **changes,
    }


def result(*rows: dict[str, Any], yardstick: float = 20.0) -> dict[str, Any]:
    """Return a result with these rows."""
    return {
        'kind': 'benchmark',
        'format': 1,
        'rows': list(rows),
        'bundle': {'name': 'default', 'digest': 'abc'},
        'settings': {'drive': 'a drive', 'outputs': ['mask'], 'engine': 'fake', 'threads': 1},
        'machine': {'cpu': 'a processor', 'cores': 2, 'system': 'Linux'},
        'versions': {'seg_node': '1'},
        'yardstick_ms': [yardstick, yardstick],
        'seconds': 1.0,
    }
