# SPDX-License-Identifier: Apache-2.0
"""What ``seg make-bag`` makes a recording of."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
import re
from typing import TYPE_CHECKING

from seg_node.datasets import open_dataset
from seg_node.datasets.coding import check_decoded, IdCode
from seg_node.datasets.color_list import COLORS_FILE
from seg_node.datasets.folder import TAXONOMY_FILE
from seg_node.datasets.ids_file import IDS_FILE
from seg_node.datasets.matching import Files, find_pairs
from seg_node.datasets.pairs import read_image
from seg_node.errors import DatasetError, ParameterError
from seg_node.recordings.images import Frame, image_files, image_frames, open_video, thin
from seg_node.taxonomy import IdMap, load_taxonomy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy as np
    import numpy.typing as npt

    from seg_node.datasets import Dataset
    from seg_node.taxonomy import Taxonomy

    UInt8Array = npt.NDArray[np.uint8]

__all__ = ['Pictures', 'open_pictures']

DRIVE = re.compile(r'drive:(\d+)(?:@(\d+))?')
USUAL_RATE = 10.0


@dataclass(frozen=True, slots=True)
class Pictures:
    """What goes into a recording.

    Attributes:
        frames: In order; read once.
        total: How many there are, None if that is not known.
        rate: Frames per second [Hz].
        classes: Of their labels; None if there are none.
        skipped: Names of files that cannot be decoded, filled while ``frames`` is read.
    """

    frames: Iterator[Frame]
    total: int | None
    rate: float
    classes: Taxonomy | None = None
    skipped: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for beside the source; as the arguments of the command."""

    rate: float | None
    labels: Path | None
    taxonomy: str | None
    split: str
    size: tuple[int, int]


def open_pictures(source: str, wish: Wish) -> Pictures:
    """Open what a user named.

    Args:
        source: Folder of images, video file, ``drive:COUNT[@SEED]``, or a data set.
        wish: The rest.

    Raises:
        DatasetError: If it is none of these, or its labels do not fit.
        TaxonomyError: If the taxonomy is not known.
        ParameterError: If the arguments contradict each other.
    """
    drive = DRIVE.fullmatch(source)
    path = Path(source).expanduser()
    if wish.taxonomy and not wish.labels and (drive or path.is_file() or _is_plain(path)):
        msg = (
            f'--taxonomy {wish.taxonomy!r} names the classes of labels, and there are none here. '
            'Add --labels DIR, or leave it out.'
        )
        raise ParameterError(msg)
    if drive:
        return _drive(int(drive[1]), int(drive[2] or 0), wish)
    if path.is_file():
        return _video(path, wish)
    if _is_plain(path):
        return _folder(path, wish)
    return _dataset(open_dataset(source, wish.split, wish.taxonomy), wish)


def _is_plain(path: Path) -> bool:
    """Tell a folder of images from one that is laid out as a data set."""
    return path.is_dir() and not (path / 'images').is_dir()


def _drive(count: int, seed: int, wish: Wish) -> Pictures:
    # the renderer is big, and who brings images has no use for it
    from seg_node.datasets.procedural import Drive  # noqa: PLC0415

    if not count:
        msg = 'A drive of 0 frames is no drive; expected drive:COUNT[@SEED], e.g. drive:50@3.'
        raise DatasetError(msg)
    rate = wish.rate or USUAL_RATE
    return _dataset(Drive(count, seed=seed, size=wish.size, rate=rate), wish)


def _dataset(samples: Dataset, wish: Wish) -> Pictures:
    if wish.labels:
        msg = f'--labels {str(wish.labels)!r} is for plain images; this source has labels itself.'
        raise ParameterError(msg)
    every = (samples[index] for index in range(len(samples)))
    frames = (Frame(one.image, one.labels) for one in every)
    return Pictures(frames, len(samples), wish.rate or USUAL_RATE, samples.taxonomy)


def _folder(folder: Path, wish: Wish) -> Pictures:
    rate = wish.rate or USUAL_RATE
    if wish.labels:
        read, classes = _labels_reader(wish)
        pairs = find_pairs(Files(folder), Files(wish.labels))
        frames = (_labelled(read_image(one.image), one.labels, read) for one in pairs)
        return Pictures(frames, len(pairs), rate, classes)
    files = image_files(folder)
    if not files:
        msg = f'Folder {str(folder)!r} has no images; expected JPEG, PNG or other image files.'
        raise DatasetError(msg)
    skipped: list[str] = []
    return Pictures(image_frames(files, skipped), len(files), rate, skipped=skipped)


def _video(file: Path, wish: Wish) -> Pictures:
    video = open_video(file)
    if video is None:
        msg = f'OpenCV cannot read {str(file)!r} as a video. Convert it, for example to MP4.'
        raise DatasetError(msg)
    rate = min(wish.rate or video.rate, video.rate)
    images = thin(video.frames, rate)
    total = round(video.total * rate / video.rate) or None
    if wish.labels is None:
        return Pictures((Frame(image) for image in images), total, rate)
    read, classes = _labels_reader(wish)
    files = [one for one in image_files(wish.labels) if one.suffix.lower() == '.png']
    return Pictures(_in_order(images, files, read, wish.labels), total, rate, classes)


def _in_order(
    images: Iterable[UInt8Array],
    files: list[Path],
    read: Callable[[Path], UInt8Array],
    folder: Path,
) -> Iterator[Frame]:
    """Yield the frames of a video with the labels of the same place in their order."""
    count = 0
    for count, image in enumerate(images, 1):
        if count > len(files):
            break
        yield _labelled(image, files[count - 1], read)
    if count != len(files):
        msg = (
            f'The video has {"more" if count > len(files) else "fewer"} frames than there are '
            f'label files in {str(folder)!r} ({len(files)}); expected one for each frame, in '
            'the order of their names.'
        )
        raise DatasetError(msg)


def _labels_reader(wish: Wish) -> tuple[Callable[[Path], UInt8Array], Taxonomy]:
    classes = _label_classes(wish)
    if classes is None:
        msg = (
            'Label images need their classes. Add --taxonomy NAME or FILE.yaml, for example '
            f'--taxonomy cityscapes19, or put {TAXONOMY_FILE} into their folder or beside it.'
        )
        raise ParameterError(msg)
    code = IdCode(IdMap.identity(classes))
    return lambda file: check_decoded(code.decode(file), file, code), code.taxonomy


def _label_classes(wish: Wish) -> Taxonomy | None:
    """Return the classes that are named, or those of the file in the label folder or beside it."""
    if wish.taxonomy:
        return load_taxonomy(wish.taxonomy)
    labels = wish.labels.expanduser().absolute() if wish.labels else None
    places = (labels, labels.parent) if labels else ()
    files = (place / TAXONOMY_FILE for place in places)
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        return None
    coded = [name for name in (IDS_FILE, COLORS_FILE) if (found.parent / name).is_file()]
    if coded:
        msg = (
            f'{str(found.parent / coded[0])!r} says that the labels are coded otherwise than by '
            f'the ids of {TAXONOMY_FILE}. Record the data set as a whole: seg make-bag '
            f'folder:{found.parent}.'
        )
        raise ParameterError(msg)
    return load_taxonomy(found)


def _labelled(image: UInt8Array, file: Path, read: Callable[[Path], UInt8Array]) -> Frame:
    labels = read(file)
    if labels.shape != image.shape[:2]:
        got, expected = (f'{h} x {w}' for h, w in (labels.shape, image.shape[:2]))
        msg = (
            f'Labels {str(file)!r} are {got} (height x width) and their image {expected}; '
            'expected the same size. Resize the labels with nearest neighbour.'
        )
        raise DatasetError(msg)
    return Frame(image, labels)
