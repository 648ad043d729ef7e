# SPDX-License-Identifier: Apache-2.0
"""The parameters of the node: one table, from which everything else is made or tested.

Each group has a file of its own: its rows, its fields, and what its values say only together. None
of them knows ROS. The node declares what stands here; ``config/seg.params.yaml`` and the table in
``docs/node.md`` are printed from it (``python -m seg_node.ros.parameters.docs``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seg_node.errors import one_of, ParameterError

from .cameras import CAMERAS, cameras_faults, CamerasParameters
from .crf import CRF, crf_faults, CrfParameters
from .drivable import DRIVABLE, DrivableParameters
from .engine import ENGINE, engine_faults, EngineParameters, image_size_of
from .input import INPUT, InputParameters
from .operation import OPERATION, operation_faults, OperationParameters
from .outputs import OutputParameters, OUTPUTS, outputs_faults
from .smoothing import SMOOTHING, SmoothingParameters
from .spec import Spec, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    'PARAMETERS',
    'Parameters',
    'Spec',
    'find_spec',
    'image_size_of',
    'set_faults',
    'unknown_name',
]

PARAMETERS: tuple[Spec, ...] = (
    *ENGINE,
    *INPUT,
    *CAMERAS,
    *DRIVABLE,
    *SMOOTHING,
    *CRF,
    *OUTPUTS,
    *OPERATION,
)
JOINT: tuple[Callable[[Mapping[str, object]], list[str]], ...] = (
    engine_faults,
    cameras_faults,
    crf_faults,
    outputs_faults,
    operation_faults,
)
"""Each names the faults that no value of its group has alone."""


@dataclass(frozen=True)
class Parameters(
    EngineParameters,
    InputParameters,
    CamerasParameters,
    DrivableParameters,
    SmoothingParameters,
    CrfParameters,
    OutputParameters,
    OperationParameters,
):
    """One consistent set of values; the worker takes it once per frame.

    The fields are those of ``PARAMETERS``, a dot written as an underscore; units are given there.
    """

    @classmethod
    def from_values(cls, values: Mapping[str, object]) -> Parameters:
        """Return a validated set.

        Args:
            values: By parameter name, with dots; what is missing takes its default.

        Raises:
            ParameterError: If a name is unknown or a value is not valid; all faults are named.
        """
        faults = set_faults(values)
        if faults:
            raise ParameterError(' '.join(faults))
        chosen = {
            spec.field: spec.convert(values.get(spec.name, spec.default)) for spec in PARAMETERS
        }
        return cls(**chosen)  # type: ignore[arg-type]  # convert() returns each field's own type

    def to_values(self) -> dict[str, Value]:
        """Return the values by parameter name, with dots."""
        return {spec.name: getattr(self, spec.field) for spec in PARAMETERS}


def find_spec(name: str) -> Spec | None:
    """Return the parameter of that name, or None."""
    return next((spec for spec in PARAMETERS if spec.name == name), None)


def unknown_name(name: str) -> str:
    """Return the sentence for a parameter that does not exist."""
    return one_of('parameter', name, (spec.name for spec in PARAMETERS))


def set_faults(values: Mapping[str, object]) -> list[str]:
    """Return what is wrong with these values, one sentence per fault, taken together.

    Args:
        values: By parameter name; parameters that are missing are not judged.
    """
    faults = []
    valid: dict[str, Value] = {}
    for name, value in values.items():
        spec = find_spec(name)
        if spec is None:
            faults.append(unknown_name(name))
            continue
        try:
            valid[name] = spec.convert(value)
        except ParameterError as err:
            faults.append(str(err))
    return [*faults, *(fault for judge in JOINT for fault in judge(valid))]
