# SPDX-License-Identifier: Apache-2.0
"""No CRF, a CRF put behind the network, and one that was trained: same start, samples, schedule.

Every run is ``config/train/crf_end_to_end.yaml`` with a few changes. A run that is there already
is not trained again, so the command goes on where it was stopped.

    python benchmarks/compare_crf_training.py --camvid /data/camvid --seeds 2 --runs runs/crf

The CRF is measured on the grid of the scores on every frame, without a gate. The runs are short;
the figures rank choices and are not what a long training reaches.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
import statistics
import subprocess
import sys
from typing import Any

from machine import machine

RECIPE = Path(__file__).parents[1] / 'config' / 'train' / 'crf_end_to_end.yaml'
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
RARE = ('Pole', 'SignSymbol', 'Fence', 'Pedestrian', 'Bicyclist')


def main() -> int:
    """Train what is missing, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--camvid', required=True, help='folder of CamVid')
    parser.add_argument('--seeds', type=int, default=2, metavar='N')
    parser.add_argument('--runs', type=Path, default=Path('runs/crf'), metavar='DIR')
    parser.add_argument('--json', type=Path, metavar='FILE')
    parser.add_argument(
        'changes', nargs='*', metavar='key=value', help='of the recipe, for all runs'
    )
    given = parser.parse_args()
    figures: dict[str, list[dict[str, float]]] = {name: [] for name in CHOICES}
    for seed in range(1, given.seeds + 1):
        common = [f'camvid={given.camvid}', f'seed={seed}', *given.changes]
        for name in CHOICES:
            run = given.runs / f'{_file_name(name)}-{seed}'
            if not (run / 'bundle' / 'manifest.json').exists():
                base = given.runs / f'{_file_name(BASE)}-{seed}' / 'bundle'
                train(run, [*common, *changes_of(name, base)])
            figures[name].append(figures_of(run))
    report(figures)
    if given.json:
        result = {
            'benchmark': 'compare_crf_training',
            'changes': given.changes,
            'figures': figures,
            'machine': machine(),
        }
        given.json.write_text(json.dumps(result, indent=1) + '\n', encoding='utf-8')
    return 0


def changes_of(name: str, base: Path) -> list[str]:
    """Return what a choice changes; a CRF behind the network stands behind that of ``base``."""
    changes = list(CHOICES[name])
    if 'crf.train=head' in changes:
        manifest = json.loads((base / 'manifest.json').read_text(encoding='utf-8'))
        changes += [
            f'network.pretrained={base}',
            f'crf.temperature={manifest["temperature"]}',
        ]
    return changes


def train(run: Path, changes: list[str]) -> None:
    """Train and export one run in a process of its own."""
    command = [sys.executable, '-m', 'seg_node.cli.main', 'train', str(RECIPE), *changes]
    subprocess.run([*command, '--run', str(run)], check=True)


def figures_of(run: Path) -> dict[str, float]:
    """Return the held-out figures [%] of a finished run, with its CRF where it has one."""
    manifest = json.loads((run / 'bundle' / 'manifest.json').read_text(encoding='utf-8'))
    alone: dict[str, Any] = manifest['quality']['camvid val']['camvid11']
    measured = manifest.get('crf', {}).get('measured', {})
    figures = {key: value['after'] for key, value in measured.items() if key != 'note'} or alone
    return {
        'network alone': 100 * alone['mean_iou'],
        'mean IoU': 100 * figures['mean_iou'],
        'rare classes': 100 * statistics.fmean(figures['iou'][name] or 0.0 for name in RARE),
        'accuracy': 100 * figures['global_accuracy'],
    }


def report(figures: dict[str, list[dict[str, float]]]) -> None:
    """Print mean and standard deviation over the seeds."""
    keys = list(next(iter(figures.values()))[0])
    print('CamVid val, 11 classes [%]: mean +- standard deviation over the seeds')
    print(f'| {"CRF":25s}| {" | ".join(f"{key:13s}" for key in keys)} |')
    for name, runs in figures.items():
        columns = [_spread([run[key] for run in runs]) for key in keys]
        print(f'| {name:25s}| {" | ".join(f"{one:13s}" for one in columns)} |')


def _spread(values: list[float]) -> str:
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f'{statistics.fmean(values):.1f} +- {deviation:.1f}'


def _file_name(name: str) -> str:
    return ''.join(letter if letter.isalnum() else '_' for letter in name)


if __name__ == '__main__':
    sys.exit(main())
