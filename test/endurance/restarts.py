# SPDX-License-Identifier: Apache-2.0
"""How long a restarted node waits for its first image, ended in turn by SIGTERM and SIGKILL.

    PYTHONPATH=test python -m endurance.restarts --count 12 --bundle BUNDLE

The time is from ``active`` to the first mask; most of it is discovery. Set
``FASTDDS_DEFAULT_PROFILES_FILE`` to try another profile.
"""

from __future__ import annotations

import argparse
from pathlib import Path
import signal
import statistics
import sys
import tempfile
from typing import TYPE_CHECKING

from endurance.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ['main', 'restarts']

PATIENCE_S = 15.0
ENDINGS = (signal.SIGTERM, signal.SIGKILL)


def restarts(stage: Stage, count: int) -> list[float]:
    """Start a node so often; return the times from ``active`` to the first mask [s]."""
    times = []
    for number in range(count):
        node = stage.start_node()
        stage.until_active()
        times.append(stage.until_masks(PATIENCE_S, count=1))
        node.signal(ENDINGS[number % len(ENDINGS)])
        node.close()
    return times


def main(argv: Sequence[str] | None = None) -> int:
    """Print the times and return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--count', type=int, default=12)
    parser.add_argument('--bundle', default='default')
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder), {'bundle': args.bundle, 'engine': 'onnxruntime'})
        try:
            stage.start_camera(rate=30)
            times = restarts(stage, args.count)
        finally:
            stage.close()
    sys.stdout.write(' '.join(f'{one:.2f}' for one in times) + '\n')
    sys.stdout.write(f'median {statistics.median(times):.2f} s, longest {max(times):.2f} s\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
