# SPDX-License-Identifier: Apache-2.0
"""Runs of labels, read back by a decoder that was written from the contract alone."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from seg_node.imaging.run_lengths import run_lengths

UInt8Array = npt.NDArray[np.uint8]


def decoded(data: bytes, rows: int, columns: int) -> UInt8Array:
    """Read records of {uint8 label, int32 run} in row-major order, as Autoware's fusion does."""
    mask = np.zeros(rows * columns, np.uint8)
    position = 0
    for start in range(0, len(data), 5):
        label, run = struct.unpack_from('<Bi', data, start)
        mask[position : position + run] = label
        position += run
    assert position == mask.size
    return mask.reshape(rows, columns)


def patches(size: tuple[int, int], seed: int) -> UInt8Array:
    """Return a label map with runs of many lengths, up to whole rows."""
    coarse = np.random.default_rng(seed).integers(0, 16, (7, 5), np.uint8)
    labels = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_NEAREST)
    labels[size[0] // 2] = np.arange(size[1]) % 2
    return np.asarray(labels, np.uint8)


@pytest.mark.parametrize('size', [(1, 1), (1, 9), (9, 1), (48, 64), (93, 121)])
def test_mask_is_read_back(size: tuple[int, int]) -> None:
    for seed in range(3):
        labels = patches(size, seed)

        coded = run_lengths(labels)

        assert coded.dtype == np.uint8
        np.testing.assert_array_equal(decoded(coded.tobytes(), *size), labels)


def test_mask_is_right_after_it_was_resized_to_the_camera() -> None:
    """The fusion resizes to the size in CameraInfo, nearest neighbour."""
    labels = patches((48, 64), 1)

    mask = decoded(run_lengths(labels).tobytes(), 48, 64)

    large = cv2.resize(mask, (128, 96), interpolation=cv2.INTER_NEAREST)
    np.testing.assert_array_equal(large, labels.repeat(2, 0).repeat(2, 1))


def test_labels_at_both_ends_of_a_byte_are_told_apart() -> None:
    labels = np.array([[0, 255, 0, 128, 128, 255, 255]], np.uint8)

    np.testing.assert_array_equal(decoded(run_lengths(labels).tobytes(), 1, 7), labels)


def test_runs_are_as_long_as_they_can_be() -> None:
    assert len(run_lengths(np.full((720, 1280), 9, np.uint8))) == 5
    assert len(run_lengths(np.zeros((0, 5), np.uint8))) == 0


def test_rows_with_gaps_in_memory_are_read_as_they_look() -> None:
    labels = patches((48, 64), 2)[::2, ::3]

    np.testing.assert_array_equal(decoded(run_lengths(labels).tobytes(), 24, 22), labels)
