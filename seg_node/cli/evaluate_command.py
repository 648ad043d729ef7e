# SPDX-License-Identifier: Apache-2.0
"""``seg evaluate``: score a bundle on a labelled data set."""

from __future__ import annotations

from dataclasses import dataclass
import sys
from typing import Any, TYPE_CHECKING

import cv2

from seg_node.cli import corrupt_option
from seg_node.cli.arguments import writable_file, writable_folder, write_text
from seg_node.cli.crf_options import crf_choice
from seg_node.cli.evaluate_options import add_arguments
from seg_node.datasets import open_dataset, spread
from seg_node.evaluation import (
    as_json,
    as_text,
    draw_frames,
    evaluate,
    json_text,
    open_for_evaluation,
    Views,
    worst_rows,
    write_page,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from pathlib import Path

    from seg_node.datasets import Dataset
    from seg_node.pipeline import Segmenter

__all__ = ['SUMMARY', 'configure', 'run']

SUMMARY = 'Score a bundle on a labelled data set, through the very segmenter that the node runs.'

STDOUT = '-'
OPENCV_THREADS = 1  # as in the node by default, so that the times are those of the node


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_arguments(parser)


@dataclass(frozen=True, slots=True)
class Targets:
    """Where results go; None for what is not wanted. All of it can be written to.

    Attributes:
        json: A file.
        out: A folder for sheets.
        report: A folder for a page.
    """

    json: Path | None
    out: Path | None
    report: Path | None


def run(args: argparse.Namespace) -> int:
    """Evaluate, print the report and write what was asked for."""
    targets = _targets(args)
    views = Views(args.flip, args.scales, args.slide)
    dataset = _dataset(args)
    cv2.setNumThreads(OPENCV_THREADS)
    with _segmenter(args) as segmenter:
        if args.corrupt:
            _run_corrupted(args, targets, segmenter, dataset, views)
        else:
            _run_plain(args, targets, segmenter, dataset, views)
    return 0


def _run_plain(
    args: argparse.Namespace,
    targets: Targets,
    segmenter: Segmenter,
    dataset: Dataset,
    views: Views,
) -> None:
    """Evaluate the frames as they are."""
    result = evaluate(segmenter, dataset, name=args.dataset, split=args.split, views=views)
    data = as_json(result)
    _tell(args, targets, data, as_text(data))
    if targets.out:
        _announce(*draw_frames(segmenter, dataset, result, targets.out))
    if targets.report:
        _announce(*write_page(data, targets.report, worst_rows(segmenter, dataset, result)))


def _run_corrupted(
    args: argparse.Namespace,
    targets: Targets,
    segmenter: Segmenter,
    dataset: Dataset,
    views: Views,
) -> None:
    """Evaluate the frames clean and corrupted."""
    context = {'dataset': args.dataset, 'split': args.split}
    data = corrupt_option.measure(segmenter, dataset, args.corrupt, views, context)
    _tell(args, targets, data, corrupt_option.text(data))
    if targets.out:
        _announce(corrupt_option.draw(dataset, targets.out))
    if targets.report:
        _announce(corrupt_option.page(data, dataset, targets.report))


def _targets(args: argparse.Namespace) -> Targets:
    """Return where results go; asked before long work begins."""
    return Targets(
        json=writable_file(args.json) if args.json not in (None, STDOUT) else None,
        out=writable_folder(args.out) if args.out else None,
        report=writable_folder(args.report) if args.report else None,
    )


def _dataset(args: argparse.Namespace) -> Dataset:
    dataset = open_dataset(args.dataset, args.split, args.taxonomy)
    return spread(dataset, args.limit) if args.limit else dataset


def _segmenter(args: argparse.Namespace) -> Segmenter:
    return open_for_evaluation(
        args.bundle,
        args.engine,
        threads=args.threads,
        precision=args.precision,
        temperature=args.temperature,
        crf=crf_choice(args),
    )


def _tell(args: argparse.Namespace, targets: Targets, data: Mapping[str, Any], text: str) -> None:
    """Print the numbers or the text, and write the numbers where they were asked for."""
    print(json_text(data) if args.json == STDOUT else text + '\n', end='')
    if targets.json:
        write_text(targets.json, json_text(data))
        _announce(targets.json)


def _announce(*paths: Path) -> None:
    for path in paths:
        print(f'written: {path}', file=sys.stderr)
