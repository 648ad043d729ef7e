# SPDX-License-Identifier: Apache-2.0
"""Trainings that are compared: each choice with several seeds, none of them trained twice."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
import statistics
import subprocess
import sys
from typing import Any, TYPE_CHECKING

from measuring.machine import machine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    'RARE',
    'arguments',
    'compare',
    'manifest_of',
    'run_of',
]

RECIPES = Path(__file__).parents[2] / 'config' / 'train'
RARE = ('Pole', 'SignSymbol', 'Fence', 'Pedestrian', 'Bicyclist')


def arguments(words: str, *, seeds: int, runs: str) -> argparse.Namespace:
    """Return the command line: CamVid, seeds, where runs and figures go, changes of the recipe."""
    parser = argparse.ArgumentParser(description=words)
    parser.add_argument('--camvid', required=True, help='folder of CamVid')
    parser.add_argument('--seeds', type=int, default=seeds, metavar='N')
    parser.add_argument('--runs', type=Path, default=Path(runs), metavar='DIR')
    parser.add_argument('--json', type=Path, metavar='FILE')
    parser.add_argument(
        'changes', nargs='*', metavar='key=value', help='of the recipe, for all runs'
    )
    return parser.parse_args()


def compare(
    given: argparse.Namespace,
    *,
    recipe: str,
    kind: str,
    choices: Sequence[str],
    changes_of: Callable[[str, int], Sequence[str]],
    figures_of: Callable[[Path], dict[str, float]],
) -> None:
    """Train what is missing, print the table, write the JSON.

    Args:
        given: From ``arguments``.
        recipe: Name of a shipped recipe.
        kind: What the choices differ in: heads the first column.
        choices: Names of what is compared, trained in this order.
        changes_of: From a choice and a seed to what it changes of the recipe.
        figures_of: From the folder of a finished run to its figures [%].
    """
    figures: dict[str, list[dict[str, float]]] = {name: [] for name in choices}
    for seed in range(1, given.seeds + 1):
        common = [f'camvid={given.camvid}', f'seed={seed}', *given.changes]
        for name in choices:
            run = run_of(given.runs, name, seed)
            if not (run / 'bundle' / 'manifest.json').exists():
                _train(run, recipe, [*common, *changes_of(name, seed)])
            figures[name].append(figures_of(run))
    _report(kind, figures)
    if given.json:
        result = {
            'benchmark': Path(sys.argv[0]).stem,
            'changes': given.changes,
            'figures': figures,
            'machine': machine(),
        }
        given.json.write_text(json.dumps(result, indent=1) + '\n', encoding='utf-8')


def run_of(runs: Path, choice: str, seed: int) -> Path:
    """Return the folder of one run."""
    name = ''.join(letter if letter.isalnum() else '_' for letter in choice)
    return runs / f'{name}-{seed}'


def manifest_of(run: Path) -> dict[str, Any]:
    """Return the manifest of a finished run's bundle."""
    text = (run / 'bundle' / 'manifest.json').read_text(encoding='utf-8')
    manifest: dict[str, Any] = json.loads(text)
    return manifest


def _train(run: Path, recipe: str, changes: Sequence[str]) -> None:
    """Train and export one run in a process of its own."""
    path = RECIPES / f'{recipe}.yaml'
    command = [sys.executable, '-m', 'seg_node.cli.main', 'train', str(path), *changes]
    subprocess.run([*command, '--run', str(run)], check=True)


def _report(kind: str, figures: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    """Print mean and standard deviation over the seeds."""
    keys = list(next(iter(figures.values()))[0])
    width = max(map(len, (kind, *figures)))
    print('CamVid val, 11 classes [%]: mean +- standard deviation over the seeds')
    print(f'| {kind:{width}s} | {" | ".join(f"{key:14s}" for key in keys)} |')
    for name, runs in figures.items():
        columns = [_spread([run[key] for run in runs]) for key in keys]
        print(f'| {name:{width}s} | {" | ".join(f"{one:14s}" for one in columns)} |')


def _spread(values: Sequence[float]) -> str:
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f'{statistics.fmean(values):.1f} +- {deviation:.1f}'
