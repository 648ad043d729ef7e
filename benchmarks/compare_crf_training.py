# SPDX-License-Identifier: Apache-2.0
"""No CRF, a CRF put behind the network, and one that was trained: same start, samples, schedule.

Every run is ``config/train/crf_end_to_end.yaml`` with a few changes. A run that is there already
is not trained again, so the command goes on where it was stopped.

    python benchmarks/compare_crf_training.py --camvid /data/camvid --seeds 2 --runs runs/crf

The CRF is measured on the grid of the scores on every frame, without a gate. The runs are short;
the figures rank choices and are not what a long training reaches.
"""

from __future__ import annotations

from functools import partial
import statistics
import sys
from typing import Any, TYPE_CHECKING

from measuring.training_runs import arguments, compare, manifest_of, RARE, run_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BASE = 'no CRF'
# one step with a rate of 0 learns nothing, and measures the weights that the recipe starts from
NOT_LEARNT = ('crf.train=head', 'crf.lr=0', 'schedule.epochs=1', 'data.train.0.per_epoch=8')
CLASSIC = 'crf.kernels=[{sxy: 3, compat: 3}, {sxy: 80, srgb: 13, compat: 10}]'
CHOICES: dict[str, tuple[str, ...]] = {
    BASE: ('crf.train=none',),
    'classic, behind it': (*NOT_LEARNT, CLASSIC, 'crf.iterations=5'),
    'mild, behind it': NOT_LEARNT,
    'learnt behind it': ('crf.train=head',),
    'learnt behind it, matrix': ('crf.train=head', 'crf.weights=matrix'),
    'end to end': ('crf.train=joint',),
}


def main() -> int:
    """Train what is missing, print the table, write the JSON."""
    given = arguments(__doc__.splitlines()[0], seeds=2, runs='runs/crf')
    compare(
        given,
        recipe='crf_end_to_end',
        kind='CRF',
        choices=list(CHOICES),
        changes_of=partial(changes_of, given.runs),
        figures_of=figures_of,
    )
    return 0


def changes_of(runs: Path, choice: str, seed: int) -> Sequence[str]:
    """Return what a choice changes; a CRF behind the network stands behind that of ``BASE``."""
    changes = CHOICES[choice]
    if 'crf.train=head' not in changes:
        return changes
    base = run_of(runs, BASE, seed)
    return (
        *changes,
        f'network.pretrained={base / "bundle"}',
        f'crf.temperature={manifest_of(base)["temperature"]}',
    )


def figures_of(run: Path) -> dict[str, float]:
    """Return the held-out figures [%] of a finished run, with its CRF where it has one."""
    manifest = manifest_of(run)
    alone: dict[str, Any] = manifest['quality']['camvid val']['camvid11']
    measured = manifest.get('crf', {}).get('measured', {})
    figures = {key: value['after'] for key, value in measured.items() if key != 'note'} or alone
    return {
        'network alone': 100 * alone['mean_iou'],
        'mean IoU': 100 * figures['mean_iou'],
        'rare classes': 100 * statistics.fmean(figures['iou'][name] or 0.0 for name in RARE),
        'accuracy': 100 * figures['global_accuracy'],
    }


if __name__ == '__main__':
    sys.exit(main())
