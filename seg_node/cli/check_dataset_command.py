# SPDX-License-Identifier: Apache-2.0
"""``seg check-dataset``: find what is wrong with labels before training does."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from seg_node.cli.arguments import writable_file, write_text
from seg_node.datasets import dataset_lines
from seg_node.datasets.check import as_json, as_text, check_dataset

if TYPE_CHECKING:
    import argparse

__all__ = ['SUMMARY', 'configure', 'run']

SUMMARY = 'Go over a whole split of a data set and report everything that is wrong with it.'
CLEAN, PROBLEMS = 0, 1
STDOUT = '-'
EPILOG = """\
data sets (layouts in docs/datasets.md):
{lines}

The exit status is 0 if nothing has to be mended and 1 if something has.

examples:
  seg check-dataset procedural:20
  seg check-dataset ./my_images --split train --sheet sheet.png
  seg check-dataset cityscapes:./cityscapes --split train --json report.json
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EPILOG.format(lines=dataset_lines())
    add = parser.add_argument
    add('dataset', metavar='DATASET', help='labelled images, see below')
    add('--split', default='val', help='part of the data (default: val)')
    add(
        '--taxonomy',
        metavar='NAME',
        help='classes to count, by name or YAML file (default: those of the data)',
    )
    add('--sheet', metavar='FILE.png', help='draw some samples with their labels there')
    add('--json', metavar='FILE', help='write everything there; - for stdout without the table')


def run(args: argparse.Namespace) -> int:
    """Check, print the report and write what was asked for."""
    json_file = writable_file(args.json) if args.json not in (None, STDOUT) else None
    sheet = writable_file(args.sheet) if args.sheet else None
    check = check_dataset(args.dataset, args.split, args.taxonomy)
    plain = json.dumps(as_json(check), indent=2, ensure_ascii=False) + '\n'
    print(plain if args.json == STDOUT else f'{as_text(check)}\n', end='')
    if json_file:
        write_text(json_file, plain)
        print(f'written: {json_file}', file=sys.stderr)
    if sheet:
        from seg_node.cli.check_sheet import draw_samples  # noqa: PLC0415 - only where asked for

        draw_samples(check, sheet)
        print(f'written: {sheet}', file=sys.stderr)
    return PROBLEMS if check.problems else CLEAN
