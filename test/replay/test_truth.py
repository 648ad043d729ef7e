# SPDX-License-Identifier: Apache-2.0
"""Where the truth of recorded frames comes from."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

import cv2
import numpy as np
import pytest

from bags import COMPRESSED, header_of, RAW
from replay.drives import TOPIC, TRUTH_TOPIC, write_drive
from seg_node.errors import DatasetError, ParameterError
from seg_node.replay.options import ReplayOptions, TruthSource
from seg_node.taxonomy import load_taxonomy
from tiny import scene, tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from seg_node.replay.run import Replay

    UInt8Array = npt.NDArray[np.uint8]

pytestmark = [
    pytest.mark.needs_onnx,
    pytest.mark.needs_onnxruntime,
    pytest.mark.needs_rosbags,
]

START_NS, STEP_NS = 10**18, 10**8
FRAMES = 4
SCENES = [scene(seed=seed) for seed in range(FRAMES)]


@pytest.fixture(scope='module')
def bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The bundle that calls each pixel by its brightest channel."""
    return str(tiny_bundle(tmp_path_factory.mktemp('bundle') / 'tiny').path)


def run(bag: Path, out: Path, bundle: str, source: TruthSource) -> Replay:
    from seg_node.replay.run import replay  # noqa: PLC0415 - needs rosbags

    return replay([bag], out, ReplayOptions(bundle, topics=('/eye',), truth=source))


def write_bag(
    folder: Path, label_messages: Callable[[Any, int], tuple[str, Any, int]] | None = None
) -> Path:
    """Write the scenes as ``/eye`` and what a function makes of types and index as ``/truth``.

    Args:
        folder: Must not exist.
        label_messages: Returns type, message and time of the recording [ns].
    """
    from rosbags.rosbag2 import StoragePlugin, Writer  # noqa: PLC0415
    from rosbags.typesys import get_typestore, Stores  # noqa: PLC0415

    store = get_typestore(Stores.ROS2_HUMBLE)
    with Writer(folder, version=8, storage_plugin=StoragePlugin.MCAP) as writer:
        eye = writer.add_connection('/eye', RAW, typestore=store)
        for index, (image, _) in enumerate(SCENES):
            message = image_message(store.types, index, image, 'rgb8')
            stamp = START_NS + index * STEP_NS
            writer.write(eye, stamp, store.serialize_cdr(message, RAW))
        if label_messages is not None:
            made = [label_messages(store.types, index) for index in range(FRAMES)]
            truth = writer.add_connection('/truth', made[0][0], typestore=store)
            for kind, message, log_ns in made:
                writer.write(truth, log_ns, store.serialize_cdr(message, kind))
    return folder


def image_message(
    types: Any, index: int, pixels: UInt8Array, encoding: str, padding: int = 0
) -> Any:
    height, width = pixels.shape[:2]
    rows = np.pad(pixels.reshape(height, -1), ((0, 0), (0, padding)))
    return types[RAW](
        header_of(types, START_NS + index * STEP_NS),
        *(height, width, encoding, 0, rows.shape[1], rows.ravel()),
    )


def expected(bag: Path, tmp_path: Path, bundle: str) -> dict[str, Any]:
    """Return the scores of the same labels from a folder named by stamp."""
    folder = tmp_path / 'by_stamp'
    folder.mkdir()
    for index, (_, labels) in enumerate(SCENES):
        cv2.imwrite(str(folder / f'{START_NS + index * STEP_NS}.png'), labels)
    data = run(bag, tmp_path / 'expected', bundle, TruthSource(folder=folder)).data
    assert data['frames_with_truth'] == FRAMES
    assert data['scores']['mean_iou'] > 0.85  # it sees colours, blurred a little
    return dict(data['sums'])


def padded(types: Any, index: int) -> tuple[str, Any, int]:
    message = image_message(types, index, SCENES[index][1], 'mono8', padding=5)
    return RAW, message, START_NS + index * STEP_NS


def coded(types: Any, index: int) -> tuple[str, Any, int]:
    _, data = cv2.imencode('.png', SCENES[index][1])
    header = header_of(types, START_NS + index * STEP_NS)
    message = types[COMPRESSED](header, 'mono8; png compressed mono8', data.ravel())
    return COMPRESSED, message, START_NS + index * STEP_NS


def late(types: Any, index: int) -> tuple[str, Any, int]:
    kind, message, log_ns = padded(types, index)
    return kind, message, log_ns + 900_000_000


def early(types: Any, index: int) -> tuple[str, Any, int]:
    kind, message, log_ns = padded(types, index)
    return kind, message, log_ns - 900_000_000


@pytest.mark.parametrize('messages', [padded, coded, late, early])
def test_labels_of_a_topic_belong_to_the_images_of_their_stamps(
    tmp_path: Path, bundle: str, messages: Callable[[Any, int], tuple[str, Any, int]]
) -> None:
    bag = write_bag(tmp_path / 'bag', messages)

    data = run(bag, tmp_path / 'out', bundle, TruthSource(topic='/truth')).data

    assert data['frames_with_truth'] == FRAMES
    assert data['sums'] == expected(bag, tmp_path, bundle)


def test_frames_without_labels_are_counted_as_such(tmp_path: Path, bundle: str) -> None:
    def every_other(types: Any, index: int) -> tuple[str, Any, int]:
        shifted = index if index % 2 else index + 1000
        kind, message, _ = (RAW, image_message(types, shifted, SCENES[index][1], 'mono8'), 0)
        return kind, message, START_NS + index * STEP_NS

    bag = write_bag(tmp_path / 'bag', every_other)

    data = run(bag, tmp_path / 'out', bundle, TruthSource(topic='/truth')).data

    assert (data['frames'], data['frames_with_truth']) == (FRAMES, 2)


def test_label_message_that_is_damaged_costs_its_frame_alone(tmp_path: Path, bundle: str) -> None:
    bag = write_bag(tmp_path / 'bag', padded)
    file = next(bag.glob('*.mcap'))
    data = bytearray(file.read_bytes())
    place = -1
    for _ in range(FRAMES + 2):  # that of the second label image
        place = data.find(b'camera', place + 1)
    data[place - 4 : place] = b'\xff' * 4  # the length of a text
    file.write_bytes(data)

    replayed = run(bag, tmp_path / 'out', bundle, TruthSource(topic='/truth')).data

    assert (replayed['frames'], replayed['frames_with_truth']) == (FRAMES, FRAMES - 1)
    assert "Message of '/truth'" in replayed['bags'][0]['damage'][0]


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (lambda labels: labels[:-1], r'The truth is \(89, 120\)'),
        (lambda labels: labels + 7, r'The truth has ids \[7, 8, 9\]; tiny3 has 0 to 2'),
        (lambda labels: np.dstack([labels] * 3), 'expected one class id per pixel'),
    ],
    ids=['size', 'ids', 'colour'],
)
def test_labels_that_cannot_be_used_are_left_out_and_told(
    tmp_path: Path, bundle: str, change: Callable[[UInt8Array], UInt8Array], words: str
) -> None:
    import re  # noqa: PLC0415

    def changed(types: Any, index: int) -> tuple[str, Any, int]:
        labels = change(SCENES[index][1]) if index else SCENES[index][1]
        encoding = 'mono8' if labels.ndim == 2 else 'rgb8'
        message = image_message(types, index, labels, encoding)
        return RAW, message, START_NS + index * STEP_NS

    bag = write_bag(tmp_path / 'bag', changed)

    data = run(bag, tmp_path / 'out', bundle, TruthSource(topic='/truth')).data

    assert (data['frames'], data['frames_with_truth']) == (FRAMES, 1)
    assert re.search(words, data['bags'][0]['damage'][0])
    assert f'({FRAMES - 1} such frames)' in data['bags'][0]['damage'][0]


def test_files_in_the_order_of_the_frames_are_matched_by_index(
    tmp_path: Path, bundle: str
) -> None:
    bag = write_bag(tmp_path / 'bag')
    folder = tmp_path / 'bag_labels'
    folder.mkdir()
    for index, (_, labels) in enumerate(SCENES):
        cv2.imwrite(str(folder / f'{"abcd"[index]}.png'), labels)
    source = TruthSource(folder=tmp_path / '{bag}_labels', by='index')

    data = run(bag, tmp_path / 'out', bundle, source).data

    assert data['sums'] == expected(bag, tmp_path, bundle)


@pytest.mark.parametrize(
    ('name', 'words'), [('a.png', 'not named by a stamp'), ('a.txt', r'holds no \.png files')]
)
def test_folder_that_cannot_be_matched_is_refused(
    tmp_path: Path, bundle: str, name: str, words: str
) -> None:
    bag = write_bag(tmp_path / 'bag')
    (tmp_path / 'labels').mkdir()
    (tmp_path / 'labels' / name).write_bytes(b'')

    with pytest.raises(ParameterError, match=words):
        run(bag, tmp_path / 'out', bundle, TruthSource(folder=tmp_path / 'labels'))


def test_teacher_agrees_with_itself(tmp_path: Path, bundle: str) -> None:
    bag = write_bag(tmp_path / 'bag')

    data = run(bag, tmp_path / 'out', bundle, TruthSource(teacher=bundle)).data

    assert data['frames_with_truth'] == FRAMES
    assert data['scores']['mean_iou'] == 1.0


def test_classes_are_put_together_as_in_an_evaluation() -> None:
    """Coarser truth groups the bundle's classes; finer truth is grouped into them."""
    from seg_node.replay.truth import comparison  # noqa: PLC0415 - needs rosbags

    fine, coarse = load_taxonomy('cityscapes19'), load_taxonomy('camvid11')
    labels = np.arange(19, dtype=np.uint8).reshape(1, 19)

    to_coarse = comparison(TruthSource(topic='/truth', taxonomy='camvid11'), fine, None)
    to_own = comparison(TruthSource(topic='/truth', taxonomy='cityscapes19'), coarse, None)
    taught = comparison(TruthSource(teacher='other'), coarse, fine)

    assert to_coarse.classes.names == to_own.classes.names == taught.classes.names == coarse.names
    assert to_coarse.truth_ids is None
    grouped = to_own.of(labels, (1, 19))
    assert grouped[0, fine.index('road')] == coarse.index('Road')
    assert grouped[0, fine.index('truck')] == grouped[0, fine.index('car')] == coarse.index('Car')


def test_truth_topic_is_no_camera(tmp_path: Path, bundle: str) -> None:
    from seg_node.replay.run import replay  # noqa: PLC0415 - needs rosbags

    bag = write_bag(tmp_path / 'bag', padded)
    options = ReplayOptions(bundle, truth=TruthSource(topic='/truth'))

    assert replay([bag], tmp_path / 'out', options).data['frames'] == FRAMES


def test_namespace_of_the_camera_stands_in_the_name_of_its_truth(
    tmp_path: Path, bundle: str
) -> None:
    from seg_node.replay.run import replay  # noqa: PLC0415 - needs rosbags

    bag = write_drive(tmp_path / 'drive', 3)
    assert TOPIC.rpartition('/')[0] + '/segmentation/truth' == TRUTH_TOPIC
    source = TruthSource(topic='{camera}/segmentation/truth')

    data = replay([bag], tmp_path / 'out', ReplayOptions(bundle, truth=source)).data

    assert data['frames_with_truth'] == 3


def test_truth_that_matches_no_frame_ends_in_an_error_until_it_is_put_right(
    tmp_path: Path, bundle: str
) -> None:
    bag, folder, out = write_bag(tmp_path / 'bag', padded), tmp_path / 'labels', tmp_path / 'out'
    folder.mkdir()
    labels = SCENES[0][1]
    cv2.imwrite(str(folder / '5.png'), labels)
    source = TruthSource(folder=folder)

    with pytest.raises(DatasetError, match=f'None of {FRAMES} frames has truth.*labels'):
        run(bag, out, bundle, source)
    cv2.imwrite(str(folder / f'{START_NS}.png'), labels)

    assert run(bag, out, bundle, source).data['frames_with_truth'] == 1
