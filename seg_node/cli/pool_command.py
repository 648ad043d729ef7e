# SPDX-License-Identifier: Apache-2.0
"""``seg pool``: one figure from several models, each on frames that it never saw."""

from __future__ import annotations

from pathlib import Path
import sys
from typing import TYPE_CHECKING

from seg_node.cli.arguments import writable_file, writable_folder, write_text
from seg_node.evaluation import as_text, json_text, pooled_json, read_part, write_page

if TYPE_CHECKING:
    import argparse

__all__ = ['SUMMARY', 'configure', 'run']

SUMMARY = 'Put evaluations of several models together, each on frames that it never saw.'

EXAMPLES = """\
Sums are added and divided once. The report says which temperature is best for all, and the least
drivable threshold with a false-drivable rate of at most 0.5 %.

examples:
  seg evaluate fold_a camvid:./CamVid --split 0001TP --temperature 1 --json a.json
  seg evaluate fold_b camvid:./CamVid --split 0016E5 --temperature 1 --json b.json
  seg pool a.json b.json --json pooled.json --report pooled
"""
STDOUT = '-'


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EXAMPLES
    parser.add_argument(
        'files', metavar='FILE', nargs='+', type=Path, help='written by seg evaluate --json'
    )
    parser.add_argument(
        '--json',
        metavar='FILE',
        help='write all numbers there, for seg export --quality; - for stdout without the table',
    )
    parser.add_argument(
        '--report', metavar='DIR', help='write a page there: index.html, with figures.json'
    )


def run(args: argparse.Namespace) -> int:
    """Pool, print the report and write what was asked for."""
    json_file = writable_file(args.json) if args.json not in (None, STDOUT) else None
    folder = writable_folder(args.report) if args.report else None
    data = pooled_json([read_part(path) for path in args.files])
    if args.json == STDOUT:
        print(json_text(data), end='')
    else:
        print(as_text(data))
    if json_file:
        write_text(json_file, json_text(data))
        print(f'written: {json_file}', file=sys.stderr)
    if folder:
        print(f'written: {write_page(data, folder)[0]}', file=sys.stderr)
    return 0
