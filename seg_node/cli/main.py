# SPDX-License-Identifier: Apache-2.0
"""Entry point of ``seg``: choose a verb, run it, return its exit status.

0 is success, 1 an error that the user can mend (one sentence on stderr), 2 wrong usage, 3 a rule
that a comparison meets, 130 an interrupt, 141 a reader who left before the end. Results go to
stdout, everything else to stderr.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from importlib.util import find_spec
import logging
import os
import sys
from typing import cast, NamedTuple, NoReturn, Protocol, TYPE_CHECKING

from seg_node import __version__
from seg_node.errors import one_of, SegNodeError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ['VERBS', 'main']

FAILED, USAGE, INTERRUPTED, PIPE_CLOSED = 1, 2, 130, 141
MOST_PIXELS = '64000000'  # as seg_node.imaging, which would load OpenCV
LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)

EXAMPLES = """\
examples:
  seg demo
  seg evaluate default procedural:20
  seg evaluate --help
"""


class Verb(NamedTuple):
    """Where a verb is, and what the list of verbs says about it without importing it."""

    module: str
    summary: str


class Command(Protocol):
    """What the module of a verb provides."""

    SUMMARY: str

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the arguments, and examples as the parser's epilog."""

    def run(self, args: argparse.Namespace) -> int:
        """Do the work and return the exit status."""


VERBS = {
    'benchmark': Verb('seg_node.cli.benchmark_command', 'measure how fast the node is here'),
    'build-engine': Verb(
        'seg_node.cli.build_engine_command', 'build a TensorRT engine ahead of the first drive'
    ),
    'check-dataset': Verb(
        'seg_node.cli.check_dataset_command', 'find what is wrong with labelled images'
    ),
    'compare': Verb('seg_node.cli.compare_command', 'compare two sides on recorded drives'),
    'demo': Verb('seg_node.cli.demo_command', 'show the node at work on a drive'),
    'doctor': Verb('seg_node.cli.doctor_command', 'find what is wrong here and how to mend it'),
    'evaluate': Verb('seg_node.cli.evaluate_command', 'score a bundle on a labelled data set'),
    'export': Verb('seg_node.cli.export_command', 'turn trained weights into a bundle'),
    'import-onnx': Verb(
        'seg_node.cli.import_onnx_command', 'turn a network from elsewhere into a bundle'
    ),
    'integrate': Verb(
        'seg_node.cli.integrate_command', 'generate files for Nav2, Autoware, Foxglove and others'
    ),
    'make-bag': Verb('seg_node.cli.make_bag_command', 'turn images into a recorded drive'),
    'mine': Verb('seg_node.cli.mine_command', 'choose the frames that are worth labels'),
    'pool': Verb('seg_node.cli.pool_command', 'put evaluations of several models together'),
    'quantize': Verb('seg_node.cli.quantize_command', 'add 8-bit networks to a bundle'),
    'replay': Verb('seg_node.cli.replay_command', 'run recorded drives through the pipeline'),
    'resize': Verb('seg_node.cli.resize_command', 'export a bundle for another size of input'),
    'show-samples': Verb('seg_node.cli.show_samples_command', 'draw what a recipe trains on'),
    'show-weights': Verb('seg_node.cli.show_weights_command', 'draw what pixels weigh'),
    'train': Verb('seg_node.cli.train_command', 'train a model'),
    'tune-crf': Verb('seg_node.cli.tune_crf_command', 'fit the dense CRF to a model'),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    Args:
        argv: Arguments after the program's name; None for those of the process.
    """
    # Read by OpenCV when it is loaded: files that unpack to more are refused by their headers.
    os.environ.setdefault('OPENCV_IO_MAX_IMAGE_PIXELS', MOST_PIXELS)
    try:
        status = _run(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()  # a closed pipe shows here and not in the interpreter's last moments
    except SegNodeError as err:
        print(f'seg: error: {err}', file=sys.stderr)
        return FAILED
    except ModuleNotFoundError as err:
        if err.name is None or err.name.partition('.')[0] == 'seg_node':
            raise
        print(f'seg: error: {_absent(err.name)}', file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print('seg: interrupted', file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    return status


def _absent(library: str) -> str:
    return (
        f'This needs {library}, which is not installed. Install the extra that brings it, for '
        "example pip install 'seg_node[train]' for train and export; see docs/installation.md."
    )


def installed_verbs() -> dict[str, Verb]:
    """Return the verbs whose modules are there."""
    return {name: verb for name, verb in VERBS.items() if find_spec(verb.module)}


def _run(argv: Sequence[str]) -> int:
    verbs = installed_verbs()
    parser = _main_parser(verbs)
    first = parser.parse_args(argv)
    if first.verb is None:
        parser.error(f'A verb is missing; expected one of {", ".join(verbs)}.')
    if first.verb not in verbs:
        parser.error(one_of('verb', first.verb, verbs))
    command = cast('Command', import_module(verbs[first.verb].module))
    args = _verb_parser(first.verb, command).parse_intermixed_args(first.rest)
    _configure_logging(first.verbose + args.verbose)
    return command.run(args)


class _Parser(argparse.ArgumentParser):
    """Argparse with the house's form of a message."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where help is, and exit with status 2."""
        self.exit(USAGE, f'seg: error: {message}\nTry "{self.prog} --help".\n')


def _main_parser(verbs: dict[str, Verb]) -> argparse.ArgumentParser:
    width = max(len(name) for name in verbs) if verbs else 0
    listed = '\n'.join(f'  {name:<{width}}  {verb.summary}' for name, verb in verbs.items())
    parser = _Parser(
        prog='seg',
        usage='seg [-h] [--version] [-v] VERB ...',
        description=f'Semantic segmentation of camera images.\n\nverbs:\n{listed}',
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--version', action='version', version=f'seg_node {__version__}')
    _add_verbosity(parser)
    parser.add_argument('verb', metavar='VERB', nargs='?', help=argparse.SUPPRESS)
    parser.add_argument('rest', nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _verb_parser(name: str, command: Command) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=f'seg {name}',
        description=command.SUMMARY,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.configure(parser)
    _add_verbosity(parser)
    return parser


def _add_verbosity(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '-v',
        '--verbose',
        action='count',
        default=0,
        help='log what is going on; twice for details',
    )


def _configure_logging(verbosity: int) -> None:
    level = LEVELS[min(verbosity, len(LEVELS) - 1)]
    logging.basicConfig(format='%(levelname)s %(name)s: %(message)s', stream=sys.stderr)
    logging.getLogger('seg_node').setLevel(level)


if __name__ == '__main__':
    sys.exit(main())
