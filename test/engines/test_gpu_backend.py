# SPDX-License-Identifier: Apache-2.0
"""What is tried after which failure of a GPU."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from seg_node.engines.standby.backend import fault_of, GpuError, GpuPlan, plan_after
from seg_node.errors import BundleError, DeviceError, EngineError, EngineUnavailableError

if TYPE_CHECKING:
    from seg_node.engines.standby.backend import FaultKind

SIZE = (720, 1280)
PRECISIONS = ('int8', 'fp16', 'fp32')


@pytest.mark.parametrize(
    ('error', 'kind'),
    [
        (DeviceError('lost', sticky=True), 'spoilt'),
        (DeviceError('lost, and no memory', sticky=True, out_of_memory=True), 'spoilt'),
        (DeviceError('no memory', out_of_memory=True), 'memory'),
        (DeviceError('passing'), 'device'),
        (EngineUnavailableError('no driver'), 'unavailable'),
        (EngineError('no such operator'), 'refused'),
        (BundleError('no such file'), 'refused'),
        (OSError(errno.ENOSPC, 'No space left on device'), 'disk'),
        (MemoryError(), 'memory'),
        (GpuError('no progress', 'stalled'), 'stalled'),
    ],
)
def test_errors_have_a_kind_and_keep_their_words(error: Exception, kind: FaultKind) -> None:
    fault = fault_of(error)

    assert fault.kind == kind
    assert not fault.is_defect
    if str(error):
        assert str(error) in str(fault)


def test_what_nobody_thought_of_is_a_defect() -> None:
    fault = fault_of(KeyError('colour'))

    assert fault.is_defect
    assert "KeyError: 'colour'" in str(fault)


@pytest.mark.parametrize(
    ('kind', 'precision', 'then'),
    [
        ('wrong', 'int8', GpuPlan(SIZE, 'fp16')),
        ('wrong', 'fp16', GpuPlan(SIZE, 'fp32')),
        ('wrong', 'fp32', None),
        ('refused', 'fp16', GpuPlan(SIZE, 'fp32')),
        ('refused', 'fp32', None),
        ('memory', 'fp16', GpuPlan(SIZE, 'fp16', frugal=True)),
        ('killed', 'fp16', GpuPlan(SIZE, 'fp16', frugal=True)),
        ('disk', 'fp16', GpuPlan(SIZE, 'fp16')),
        ('stalled', 'fp16', GpuPlan(SIZE, 'fp16')),
        ('stale', 'fp16', GpuPlan(SIZE, 'fp16')),
        ('device', 'fp16', GpuPlan(SIZE, 'fp16')),
        ('spoilt', 'fp16', None),
        ('unavailable', 'fp16', None),
    ],
)
def test_each_failure_has_its_next_plan(
    kind: FaultKind, precision: str, then: GpuPlan | None
) -> None:
    assert plan_after(GpuPlan(SIZE, precision), kind, PRECISIONS) == then


def test_frugal_plan_stays_frugal() -> None:
    frugal = GpuPlan(SIZE, 'fp16', frugal=True)

    assert plan_after(frugal, 'memory', PRECISIONS) == frugal
    assert plan_after(frugal, 'wrong', PRECISIONS) == GpuPlan(SIZE, 'fp32', frugal=True)


def test_plan_goes_through_json() -> None:
    plan = GpuPlan(SIZE, 'fp16', frugal=True)

    assert GpuPlan.from_dict({**plan.to_dict(), 'image_size': list(SIZE)}) == plan
    assert str(plan) == 'fp16 in little memory for 1280 x 720'
