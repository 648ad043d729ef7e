# SPDX-License-Identifier: Apache-2.0
"""Losses compared by training each with several seeds, on equal footing.

Every run is ``config/train/ablation.yaml`` with another ``loss``: same start, samples, schedule.
A run that is there already is not trained again, so the command goes on where it was stopped.

    python benchmarks/compare_losses.py --camvid /data/camvid --seeds 3 --runs runs/losses

The runs are short; the figures rank losses and are not what a long training reaches.
"""

from __future__ import annotations

import statistics
import sys
from typing import Any, TYPE_CHECKING

from measuring.training_runs import arguments, compare, manifest_of, RARE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

WEIGHTED = (
    'loss.class_weights.kind=enet',
    'loss.class_weights.power=0.5',
    'loss.class_weights.clip=[0.3, 4.0]',
)
CHOICES: dict[str, tuple[str, ...]] = {
    'cross-entropy': (),
    'weighted (ENet, power 0.5)': WEIGHTED,
    'cross-entropy + Dice': ('loss.dice=1.0',),
    'cross-entropy + Lovasz': ('loss.lovasz=1.0',),
    'weighted + Lovasz': (*WEIGHTED, 'loss.lovasz=1.0'),
    'boundary weights (w0 1, sigma 3)': ('loss.boundary.w0=1.0',),
}


def main() -> int:
    """Train what is missing, print the table, write the JSON."""
    given = arguments(__doc__.splitlines()[0], seeds=3, runs='runs/losses')
    compare(
        given,
        recipe='ablation',
        kind='loss',
        choices=list(CHOICES),
        changes_of=changes_of,
        figures_of=figures_of,
    )
    return 0


def changes_of(choice: str, _: int) -> Sequence[str]:
    """Return what a choice changes of the recipe, whatever the seed."""
    return CHOICES[choice]


def figures_of(run: Path) -> dict[str, float]:
    """Return the held-out figures [%] of a finished run."""
    measured: dict[str, Any] = manifest_of(run)['quality']['camvid val']
    grouped = measured['camvid11']
    ious = grouped['iou']
    return {
        'mean IoU': 100 * grouped['mean_iou'],
        'rare classes': 100 * statistics.fmean(ious[name] or 0.0 for name in RARE),
        'accuracy': 100 * grouped['global_accuracy'],
        'ECE at T = 1': 100 * measured['ece_at_temperature_1'],
    }


if __name__ == '__main__':
    sys.exit(main())
