# SPDX-License-Identifier: Apache-2.0
"""``seg evaluate --corrupt``: the same bundle on the same frames under worse conditions."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

from seg_node.evaluation import (
    corruption_sheet,
    CORRUPTIONS,
    measure_robustness,
    robustness_text,
    write_png,
    write_robustness_page,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from seg_node.datasets import Dataset
    from seg_node.evaluation import Views
    from seg_node.pipeline import Segmenter

__all__ = ['CHOICES', 'draw', 'measure', 'names_of', 'page', 'text']

ALL = 'all'
CHOICES = (*CORRUPTIONS, ALL)
SHEET = 'corruptions.png'


def names_of(choice: str) -> tuple[str, ...]:
    """Return the corruptions that a word of the command line means."""
    return tuple(CORRUPTIONS) if choice == ALL else (choice,)


def measure(
    segmenter: Segmenter, dataset: Dataset, choice: str, views: Views, context: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the figures of all conditions as plain data, with what they were measured on."""
    bundle = segmenter.engine.bundle
    return {
        'kind': 'robustness',
        **measure_robustness(segmenter, dataset, names_of(choice), views),
        'temperature': bundle.manifest.temperature,
        'bundle': {'name': bundle.manifest.name, 'sha256': bundle.digest},
        **context,
    }


def text(data: Mapping[str, Any]) -> str:
    """Return the tables with a heading."""
    heading = [
        f'bundle   {data["bundle"]["name"]} ({data["bundle"]["sha256"]})',
        f'data     {data["dataset"]}, split {data["split"]}, {data["frames"]} frames',
        f'protocol {data["protocol"]}, temperature {data["temperature"]:g}',
    ]
    return '\n'.join([*heading, '', robustness_text(data)])


def draw(dataset: Dataset, folder: Path) -> Path:
    """Write the sheet of all corruptions of the data set's middle frame."""
    write_png(folder / SHEET, corruption_sheet(dataset[len(dataset) // 2]))
    return folder / SHEET


def page(data: Mapping[str, Any], dataset: Dataset, folder: Path) -> Path:
    """Write the page."""
    return write_robustness_page(data, corruption_sheet(dataset[len(dataset) // 2]), folder)
