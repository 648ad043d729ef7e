# SPDX-License-Identifier: Apache-2.0
"""``seg make-bag``: turn images into a recorded drive."""

from __future__ import annotations

from pathlib import Path
import sys
from typing import TYPE_CHECKING

from seg_node.cli.arguments import image_size, positive
from seg_node.cli.make_bag_sources import open_pictures, Wish
from seg_node.datasets import dataset_lines
from seg_node.progress import progress

if TYPE_CHECKING:
    import argparse

__all__ = ['SUMMARY', 'configure', 'run']

SUMMARY = 'Make a rosbag2 of images, of a video or of a made-up drive, with camera info and truth.'
EXAMPLES = """\
IMAGES is one of
  DIR of images                   in the order of their names; truth from --labels
  FILE, a video                   at its own rate, or thinned out to --rate
  drive:COUNT[@SEED]              a made-up drive with exact labels
{lines}

examples:
  seg make-bag drive:100 town_bag --rate 10
  seg make-bag camvid:./CamVid val_bag --split val --rate 1
  seg make-bag my_images/ bag --labels my_labels/ --taxonomy cityscapes19 --storage sqlite3
  seg make-bag drive.mp4 bag --compressed jpeg --topic /front/image_raw --distro humble
"""
SECOND_NS = 1_000_000_000
START = 1_700_000_000


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments, and examples as the epilog."""
    parser.epilog = EXAMPLES.format(lines=dataset_lines())
    add = parser.add_argument
    add('images', metavar='IMAGES', help='what to record, see below')
    add('out', metavar='OUT', type=Path, help='folder of the recording; must not exist')
    _add_pictures(parser)
    _add_camera(parser)
    _add_format(parser)


def _add_pictures(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group('which images').add_argument
    add('--labels', metavar='DIR', type=Path, help='PNGs of class ids, named as the images')
    add(
        '--taxonomy',
        metavar='NAME',
        help='classes of the labels, by name or YAML file '
        '(default: taxonomy.yaml in DIR or beside it)',
    )
    add('--split', default='val', help='part of a data set (default: val)')
    add('--no-truth', action='store_true', help='leave the labels of a data set out')
    add(
        '--size',
        type=image_size,
        default=(720, 1280),
        metavar='WIDTHxHEIGHT',
        help='of a made-up drive (default: 1280x720)',
    )


def _add_camera(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group('how they are taken').add_argument
    add('--rate', metavar='HZ', type=positive, help='images per second (10, or that of the video)')
    add(
        '--start',
        metavar='S',
        type=positive,
        default=START,
        help=f'stamp of the first image in seconds since 1970 (default: {START})',
    )
    add(
        '--topic',
        default='/camera/image_raw',
        help='of the camera; camera_info and segmentation/truth lie beside it (/camera/image_raw)',
    )
    add('--frame-id', default='camera', metavar='NAME', help='of the headers (camera)')
    add(
        '--compressed',
        choices=('jpeg', 'png'),
        help='record sensor_msgs/CompressedImage, under the topic + /compressed',
    )


def _add_format(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group('how they are stored').add_argument
    add('--storage', choices=('mcap', 'sqlite3'), default='mcap', help='(default: mcap)')
    add(
        '--distro',
        default='jazzy',
        metavar='NAME',
        help='oldest ROS 2 that has to read it: humble, jazzy, kilted or lyrical (default: jazzy)',
    )
    add('--zstd', action='store_true', help='compress messages without loss')


def run(args: argparse.Namespace) -> int:
    """Write the recording; rosbags is imported only now."""
    from seg_node.recordings.camera import Camera, record  # noqa: PLC0415 - as is rosbags
    from seg_node.recordings.writer import BagFormat, BagWriter  # noqa: PLC0415

    layout = BagFormat(args.storage, args.distro, args.zstd)
    wish = Wish(args.rate, args.labels, args.taxonomy, args.split, args.size)
    pictures = open_pictures(args.images, wish)
    camera = Camera(
        topic=args.topic,
        frame_id=args.frame_id,
        rate=pictures.rate,
        start_ns=round(args.start * SECOND_NS),
        codec=args.compressed,
        classes=None if args.no_truth else pictures.classes,
    )
    frames = progress(pictures.frames, what='recording', total=pictures.total, unit='frame')
    with BagWriter(args.out, layout) as writer:
        count = record(writer, camera, frames)
    for name in pictures.skipped:
        print(f'left out, cannot be decoded: {name}', file=sys.stderr)
    truth = f', truth {camera.truth_topic} ({camera.classes.name})' if camera.classes else ''
    print(f'{args.out}: {count} frames, {camera.image_topic}{truth}')
    return 0
