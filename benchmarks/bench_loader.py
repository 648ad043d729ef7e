# SPDX-License-Identifier: Apache-2.0
"""Training samples per second and core: read, decode, augment, stack into batches.

The loader works in this process on one thread, as each of its workers does. It serves 480 x 360
images with the changes of a recipe (``config/train/default.yaml``), then with every change
switched on, then the recipe's with the samples kept in memory once they were read. First it is
proved that worker processes and the memory change no sample.

    python benchmarks/bench_loader.py --data camvid:/data/camvid --check

Without ``--data`` procedural scenes are written to JPEG and PNG files first.
"""

from __future__ import annotations

import argparse
from contextlib import contextmanager
from dataclasses import replace
import json
from pathlib import Path
import sys
from tempfile import TemporaryDirectory
from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader

from measuring.machine import machine
from measuring.timing import alternate
from seg_node.datasets import open_dataset, Sample
from seg_node.training.recipe.file import read_recipe
from seg_node.training.samples.samples import DrawSampler, Share, training_set
from seg_node.training.weights.class_weights import count_dataset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from seg_node.datasets import Dataset
    from seg_node.training.recipe import Recipe
    from seg_node.training.weights.class_weights import PixelCounts

BAR = 60.0  # [images/s], per core
RECIPE = Path(__file__).parents[1] / 'config' / 'train' / 'default.yaml'
TAXONOMY = 'cityscapes19'
SIZE = (360, 480)
SCENES = 32
BATCH = 8
BATCHES = 8  # per round
STRIDE = 4
MEAN = (123.7, 116.3, 103.5)
CACHE = 1024  # [MiB]
EVERYTHING: dict[str, Any] = {
    'motion': 0.15,
    'jpeg': 0.3,
    'rain': 0.1,
    'fog': 0.1,
    'glare': 0.1,
    'night': 0.1,
    'rare_crop': 0.5,
    'class_mix': 0.25,
    'copy_paste': 0.25,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0] if __doc__ else '')
    parser.add_argument('--data', help='a data set of 480 x 360 images, e.g. camvid:/data/camvid')
    parser.add_argument('--rounds', type=int, default=15)
    parser.add_argument('--json', type=Path, help='write the result to this file')
    parser.add_argument('--check', action='store_true', help=f'fail below {BAR} images/s')
    args = parser.parse_args(argv)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    with opened(args.data) as dataset:
        result = measure(dataset, args.rounds)
    result['data'] = (args.data or 'procedural').partition(':')[0]
    report(result)
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + '\n', encoding='utf-8')
    # Neighbours on a busy machine lengthen some rounds, never shorten one.
    best = result['images_per_second']['recipe']
    return int(args.check and max(best['wall_median'], best['cpu_best']) < BAR)


@contextmanager
def opened(spec: str | None) -> Iterator[Dataset]:
    """Open a data set, or one of scenes that are written for it."""
    if spec:
        yield open_dataset(spec, split='train', taxonomy=TAXONOMY)
        return
    scenes = open_dataset(f'procedural:{SCENES}', split='train', taxonomy=TAXONOMY)
    with TemporaryDirectory() as folder:
        for index in range(SCENES):
            write(scenes[index], Path(folder))
        yield open_dataset(f'folder:{folder}', split='train', taxonomy=TAXONOMY)


def write(sample: Sample, root: Path) -> None:
    """Write image and labels as CamVid's are stored: JPEG of quality 95 and PNG."""
    size = SIZE[::-1]
    image = cv2.cvtColor(cv2.resize(sample.image, size), cv2.COLOR_RGB2BGR)
    labels = cv2.resize(sample.labels, size, interpolation=cv2.INTER_NEAREST)
    for name, picture, ending in (('images', image, 'jpg'), ('labels', labels, 'png')):
        (root / name).mkdir(exist_ok=True)
        cv2.imwrite(str(root / name / f'{sample.name}.{ending}'), picture)


def measure(dataset: Dataset, rounds: int) -> dict[str, Any]:
    """Prove that samples do not depend on how they are served, then time."""
    recipe = read_recipe(RECIPE)
    busy = replace(recipe, augment=replace(recipe.augment, **EVERYTHING))
    kept = replace(recipe, data=replace(recipe.data, cache=CACHE))
    counts = count_dataset(dataset)
    compare(replace(busy, data=kept.data), busy, dataset, counts)
    rivals = {
        name: server(one, dataset, counts)
        for name, one in (('recipe', recipe), ('every change', busy), ('recipe, kept', kept))
    }
    samples = alternate(rivals, rounds)
    times = {name: sample.to_dict() for name, sample in samples.items()}
    rate = 1e3 * BATCH * BATCHES
    return {
        'benchmark': 'loader',
        'image': dataset[0].labels.shape,
        'crop': recipe.augment.crop,
        'threads': 1,
        'rounds': rounds,
        'images_per_round': BATCH * BATCHES,
        'times': times,
        'images_per_second': {
            name: {
                'wall_median': rate / one['median_ms'],
                'wall_best': rate / one['best_ms'],
                'cpu_median': rate / one['cpu_median_ms'],
                'cpu_best': rate / one['cpu_best_ms'],
            }
            for name, one in times.items()
        },
        'every_change': EVERYTHING,
        'bar': BAR,
        'machine': machine(),
    }


def loader(recipe: Recipe, dataset: Dataset, counts: PixelCounts, workers: int = 0) -> Any:
    """Return a loader of one round's batches."""
    sampler = DrawSampler([Share(len(dataset), BATCH * BATCHES)], seed=1)
    samples = training_set(recipe, [dataset], lambda: counts, padding=MEAN, stride=STRIDE)
    return DataLoader(samples, BATCH, sampler=sampler, num_workers=workers)


def server(recipe: Recipe, dataset: Dataset, counts: PixelCounts) -> Callable[[], None]:
    """Return what serves one round; each call the same samples."""
    batches = loader(recipe, dataset, counts)

    def serve() -> None:
        for _ in batches:
            pass

    return serve


def compare(kept: Recipe, plain: Recipe, dataset: Dataset, counts: PixelCounts) -> None:
    """Fail if two workers that keep samples serve others than this process that does not."""
    both = (loader(kept, dataset, counts, workers=2), loader(plain, dataset, counts))
    for one, other in zip(*both, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def report(result: dict[str, Any]) -> None:
    """Print the result for people."""
    print('two worker processes with shared memory serve the same samples, byte for byte')
    print(f'images/s of one core, crops of {result["crop"]} (bar {BAR:.0f} for the recipe)')
    for name, rates in result['images_per_second'].items():
        figures = ', '.join(f'{key.replace("_", " ")} {value:.0f}' for key, value in rates.items())
        print(f'{name:12s}: {figures}')
    print('; '.join(f'{key} {value}' for key, value in result['machine'].items()))


if __name__ == '__main__':
    sys.exit(main())
