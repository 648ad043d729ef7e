# SPDX-License-Identifier: Apache-2.0
"""``seg doctor``: look at the installation and the running system, and say how to mend it."""

from __future__ import annotations

import json
from pathlib import Path
import sys
from typing import TYPE_CHECKING

from seg_node.cli.arguments import positive, writable_file, write_text
from seg_node.doctor import as_json, as_text, examine, has_failed, Request
from seg_node.ros.transport.shared_memory import MEGABYTE, remove_stale, stale_warning

if TYPE_CHECKING:
    import argparse

__all__ = ['SUMMARY', 'configure', 'run']

SUMMARY = 'Look at installation and running system; say what is wrong and how to mend it.'
HEALTHY, SICK = 0, 1
STDOUT = '-'
EPILOG = """\
Levels: ok; note, something is absent or was not looked at; warn, works worse than it could; fail,
will not work. The exit status is 0 unless something failed. See docs/doctor.md.

examples:
  seg doctor
  seg doctor --topic /front/image_raw
  seg doctor --bundle ./my_bundle --params-file my.yaml --json doctor.json
  seg doctor --remove-stale
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.epilog = EPILOG
    add = parser.add_argument
    add('--bundle', default='default', metavar='BUNDLE', help='model bundle of the node')
    add('--params-file', metavar='FILE.yaml', help='parameters of the node (default: its own)')
    add('--topic', default='', metavar='NAME', help='camera topic of the running system to watch')
    add(
        '--seconds',
        type=positive,
        default=3.0,
        metavar='S',
        help='how long to watch it (default: 3)',
    )
    add('--no-images', action='store_true', help='send no images between processes; saves seconds')
    add('--json', metavar='FILE', help='write everything there; - for stdout without the table')
    add(
        '--remove-stale',
        action='store_true',
        help='first remove shared memory that killed processes left',
    )


def run(args: argparse.Namespace) -> int:
    """Look, print what was found and write what was asked for."""
    json_file = writable_file(args.json) if args.json not in (None, STDOUT) else None
    if args.remove_stale:
        print(f'removed: {remove_stale() / MEGABYTE:.0f} MB of shared memory', file=sys.stderr)
        if left := stale_warning():
            print(left, file=sys.stderr)
    report = dict(examine(_request(args)))
    plain = json.dumps(as_json(report), indent=2, ensure_ascii=False) + '\n'
    print(plain if args.json == STDOUT else f'{as_text(report)}\n', end='')
    if json_file:
        write_text(json_file, plain)
        print(f'written: {json_file}', file=sys.stderr)
    return SICK if any(has_failed(group) for group in report.values()) else HEALTHY


def _request(args: argparse.Namespace) -> Request:
    return Request(
        bundle=args.bundle,
        parameters=Path(args.params_file).expanduser() if args.params_file else None,
        topic=args.topic,
        seconds=args.seconds,
        live=not args.no_images,
    )
