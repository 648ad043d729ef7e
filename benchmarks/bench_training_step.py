# SPDX-License-Identifier: Apache-2.0
"""Processor time of a training step on one core: numbers of 32 bits against bfloat16.

Both train the whole network of a recipe (``config/train/default.yaml``) from ImageNet weights on
the same batch of augmented procedural scenes: forward, loss and backward, as
``compute.precision`` chooses. First it is proved that they compute the same: the loss within 2 %,
and gradients of the same direction.

    python benchmarks/bench_training_step.py --check

bfloat16 is worth it on processors that multiply it themselves (``avx512_bf16`` or ``amx_bf16`` in
/proc/cpuinfo); elsewhere it is slower.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
import sys
from typing import Any, TYPE_CHECKING

import cv2
import torch
from torch import nn, Tensor

from measuring.machine import machine
from measuring.timing import alternate
from seg_node.datasets import open_dataset
from seg_node.training.losses.combination import SegmentationLoss
from seg_node.training.recipe.file import read_recipe
from seg_node.training.run import initial_network, input_spec
from seg_node.training.samples.samples import Draw, training_set
from seg_node.training.weights.class_weights import count_dataset

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seg_node.training.recipe import Recipe

BAR = 1.2  # times as fast, where the processor has bfloat16
RECIPE = Path(__file__).parents[1] / 'config' / 'train' / 'default.yaml'
OVERRIDES = (
    'network.pretrained=imagenet',
    'network.frozen=0',
    'data.cache=0',
    'workers=0',
    'threads=1',
)
BATCH = 8
MOST_LOSS = 0.02  # relative difference
LEAST_COSINE = 0.99  # of the angle between the gradients
FLAGS = {'avx512_bf16', 'amx_bf16'}
GLIBC = ('MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_')


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0] if __doc__ else '')
    parser.add_argument('--rounds', type=int, default=10)
    parser.add_argument('--json', type=Path, help='write the result to this file')
    parser.add_argument(
        '--check',
        action='store_true',
        help=f'fail if bf16 is not {BAR} times as fast on a processor that has it',
    )
    args = parser.parse_args(argv)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    result = measure(read_recipe(RECIPE, OVERRIDES), args.rounds)
    report(result)
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + '\n', encoding='utf-8')
    return int(args.check and bool(result['bfloat16']) and result['ratio'] < BAR)


def measure(recipe: Recipe, rounds: int) -> dict[str, Any]:
    """Prove that both compute the same, then time."""
    network = initial_network(recipe).train()
    loss = SegmentationLoss(torch.ones(19), recipe.loss, stride=network.output_stride)
    batch = batch_of(recipe, network.output_stride)
    steps = {name: step(network, loss, batch, half=name == 'bf16') for name in ('fp32', 'bf16')}
    equality = compare(network, steps['fp32'], steps['bf16'])
    times = {name: one.to_dict() for name, one in alternate(steps, rounds).items()}
    per_image = {name: one['cpu_median_ms'] / BATCH for name, one in times.items()}
    return {
        'benchmark': 'training step',
        'images': BATCH,
        'crop': recipe.augment.crop,
        'threads': 1,
        'rounds': rounds,
        **equality,
        'times': times,
        'cpu_ms_per_image': per_image,
        'ratio': per_image['fp32'] / per_image['bf16'],
        'bfloat16': sorted(FLAGS & processor_flags()),
        'glibc_keeps_memory': all(name in os.environ for name in GLIBC),
        'machine': machine(),
    }


def batch_of(recipe: Recipe, stride: int) -> tuple[Tensor, Tensor]:
    """Return (N, 3, H, W) float32 levels and (N, h, w) labels of augmented scenes."""
    scenes = open_dataset(f'procedural:{BATCH}', split='train', taxonomy=recipe.taxonomy)
    samples = training_set(
        recipe,
        [scenes],
        lambda: count_dataset(scenes),
        padding=input_spec(recipe).mean,
        stride=stride,
    )
    pairs = [samples[Draw(0, 0, place)] for place in range(BATCH)]
    images, labels = (torch.stack(part) for part in zip(*pairs, strict=True))
    return images.float().contiguous(memory_format=torch.channels_last), labels


def step(
    network: nn.Module, loss: nn.Module, batch: tuple[Tensor, Tensor], *, half: bool
) -> Callable[[], float]:
    """Return what takes one step and returns its loss; gradients stay in the network."""
    images, labels = batch

    def run() -> float:
        network.zero_grad()
        torch.manual_seed(0)  # dropout
        with torch.autocast('cpu', torch.bfloat16, enabled=half):
            scores = network(images)
        value = loss([scores.float()], labels)
        value.backward()
        return float(value.detach())

    return run


def compare(
    network: nn.Module, single: Callable[[], float], half: Callable[[], float]
) -> dict[str, float]:
    """Fail if the losses or the directions of the gradients differ; return how much they do."""
    found = [(run(), gradient(network)) for run in (single, half)]
    (one, straight), (other, rounded) = found
    off = abs(other - one) / one
    cosine = float(torch.cosine_similarity(straight, rounded, dim=0))
    assert off < MOST_LOSS, f'losses {one} and {other}'
    assert cosine > LEAST_COSINE, f'cosine {cosine} between the gradients'
    return {'loss': one, 'loss_off': off, 'gradient_cosine': cosine}


def gradient(network: nn.Module) -> Tensor:
    """Return the gradients of all parameters, one after the other, in double precision."""
    parts = [one.grad for one in network.parameters() if one.grad is not None]
    return torch.cat([part.flatten().double() for part in parts])


def processor_flags() -> set[str]:
    """Return what the processor can do, in the words of Linux."""
    for line in Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines():
        if line.startswith('flags'):
            return set(line.partition(':')[2].split())
    return set()


def report(result: dict[str, Any]) -> None:
    """Print the result for people."""
    print(
        f'fp32 and bf16 compute the same: losses of {result["loss"]:.3f} are '
        f'{result["loss_off"]:.2%} apart, the cosine of the gradients is '
        f'{result["gradient_cosine"]:.4f}'
    )
    height, width = result['crop']
    batch = f'{result["images"]} crops of {height}x{width}'
    print(f'ms of processor time per image, {batch}, one thread')
    for name, one in result['times'].items():
        median, best = (one[key] / result['images'] for key in ('cpu_median_ms', 'cpu_best_ms'))
        print(f'{name}: median {median:.0f}, best {best:.0f}')
    print(f'bf16 is {result["ratio"]:.2f} times as fast')
    print(f'bfloat16 of the processor: {", ".join(result["bfloat16"]) or "none"}')
    print(f'glibc told to keep memory: {"yes" if result["glibc_keeps_memory"] else "no"}')
    print('; '.join(f'{key} {value}' for key, value in result['machine'].items()))


if __name__ == '__main__':
    sys.exit(main())
