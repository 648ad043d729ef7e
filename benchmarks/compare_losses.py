# SPDX-License-Identifier: Apache-2.0
"""Losses compared by training each with several seeds, on equal footing.

Every run is ``config/train/ablation.yaml`` with another ``loss``: same start, samples, schedule.
A run that is there already is not trained again, so the command goes on where it was stopped.

    python benchmarks/compare_losses.py --camvid /data/camvid --seeds 3 --runs runs/losses

The runs are short; the figures rank losses and are not what a long training reaches.
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

RECIPE = Path(__file__).parents[1] / 'config' / 'train' / 'ablation.yaml'
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
RARE = ('Pole', 'SignSymbol', 'Fence', 'Pedestrian', 'Bicyclist')


def main() -> int:
    """Train what is missing, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--camvid', required=True, help='folder of CamVid')
    parser.add_argument('--seeds', type=int, default=3, metavar='N')
    parser.add_argument('--runs', type=Path, default=Path('runs/losses'), metavar='DIR')
    parser.add_argument('--json', type=Path, metavar='FILE')
    parser.add_argument(
        'changes', nargs='*', metavar='key=value', help='of the recipe, for all runs'
    )
    given = parser.parse_args()
    figures: dict[str, list[dict[str, float]]] = {name: [] for name in CHOICES}
    for seed in range(1, given.seeds + 1):
        for name, changes in CHOICES.items():
            run = given.runs / f'{_file_name(name)}-{seed}'
            if not (run / 'bundle' / 'manifest.json').exists():
                train(run, [*given.changes, *changes, f'seed={seed}', f'camvid={given.camvid}'])
            figures[name].append(figures_of(run))
    result = {
        'benchmark': 'compare_losses',
        'changes': given.changes,
        'figures': figures,
        'machine': machine(),
    }
    report(figures)
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + '\n', encoding='utf-8')
    return 0


def train(run: Path, changes: list[str]) -> None:
    """Train and export one run in a process of its own."""
    command = [sys.executable, '-m', 'seg_node.cli.main', 'train', str(RECIPE), *changes]
    subprocess.run([*command, '--run', str(run)], check=True)


def figures_of(run: Path) -> dict[str, float]:
    """Return the held-out figures [%] of a finished run."""
    manifest = json.loads((run / 'bundle' / 'manifest.json').read_text(encoding='utf-8'))
    measured: dict[str, Any] = manifest['quality']['camvid val']
    grouped = measured['camvid11']
    ious = grouped['iou']
    return {
        'mean IoU': 100 * grouped['mean_iou'],
        'rare classes': 100 * statistics.fmean(ious[name] or 0.0 for name in RARE),
        'accuracy': 100 * grouped['global_accuracy'],
        'ECE at T = 1': 100 * measured['ece_at_temperature_1'],
    }


def report(figures: dict[str, list[dict[str, float]]]) -> None:
    """Print mean and standard deviation over the seeds."""
    keys = list(next(iter(figures.values()))[0])
    print('CamVid val, 11 classes [%]: mean +- standard deviation over the seeds')
    print(f'| {"loss":33s}| {" | ".join(f"{key:14s}" for key in keys)} |')
    for name, runs in figures.items():
        columns = [_spread([run[key] for run in runs]) for key in keys]
        print(f'| {name:33s}| {" | ".join(f"{one:14s}" for one in columns)} |')


def _spread(values: list[float]) -> str:
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f'{statistics.fmean(values):.1f} +- {deviation:.1f}'


def _file_name(name: str) -> str:
    return ''.join(letter if letter.isalnum() else '_' for letter in name)


if __name__ == '__main__':
    sys.exit(main())
