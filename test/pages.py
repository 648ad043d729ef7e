# SPDX-License-Identifier: Apache-2.0
"""What tests need that follow a page of the documentation command by command."""

from __future__ import annotations

from pathlib import Path
import re
from typing import TYPE_CHECKING

import cv2

import tiny

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[1]
SIZE = (64, 96)
SHORT = (
    'schedule.batch=2',
    'augment.crop=[32, 48]',
    'augment.scale=[0.9, 1.1]',
    'data.cache=0',
    'workers=0',
    'threads=1',
    'compute.accelerator=cpu',
    'compute.precision=fp32',
)
"""What makes training short, whatever the recipe."""


def read_page(name: str) -> str:
    """Return the text of a page of ``docs``."""
    return (ROOT / 'docs' / name).read_text(encoding='utf-8')


def fences(text: str, language: str) -> list[str]:
    """Return what stands in all fences of a language."""
    return re.findall(rf'^```{language}\n(.*?)^```', text, re.MULTILINE | re.DOTALL)


def commands(text: str, language: str = 'bash') -> list[str]:
    """Return the commands of all fences of a shell, one line each and without comments."""
    joined = ''.join(fences(text, language)).replace('\\\n', ' ')
    lines = [line.partition(' #')[0] for line in joined.splitlines()]
    return [line for line in lines if line.strip() and not line.startswith('#')]


def write_pairs(images: Path, labels: Path, names: Sequence[str], first: int = 0) -> None:
    """Write tiny scenes of the seeds from ``first`` on."""
    for folder in (images, labels):
        folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(names, first):
        image, ids = tiny.scene(SIZE, seed=seed)
        cv2.imwrite(str(images / f'{name}.png'), image[..., ::-1])
        cv2.imwrite(str(labels / f'{name}.png'), ids)


def write_yard(folder: Path) -> None:
    """Write labels of one's own as docs/training.md wants them: two frames for each split."""
    for number, split in enumerate(('train', 'val')):
        names = [f'{split}{frame}' for frame in range(2)]
        write_pairs(folder / 'images' / split, folder / 'labels' / split, names, 2 * number)
    classes = fences(read_page('training.md'), 'yaml')[0]
    (folder / 'taxonomy.yaml').write_text(classes, encoding='utf-8')


def write_camvid(folder: Path) -> None:
    """Write two frames for each half of CamVid's training data, of two drives and one."""
    drives = (('train', ('0001TP_1', '0006R0_1')), ('val', ('0016E5_1', '0016E5_2')))
    for number, (split, names) in enumerate(drives):
        for labels in ('labels', 'labels_cityscapes19'):
            write_pairs(folder / 'images' / split, folder / labels / split, names, 2 * number)
