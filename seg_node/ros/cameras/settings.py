# SPDX-License-Identifier: Apache-2.0
"""What each camera has for itself: ``camera.<name>.<parameter>`` on the node."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TYPE_CHECKING

from rcl_interfaces.msg import SetParametersResult

from seg_node.errors import one_of, ParameterError
from seg_node.pipeline import open_mounting
from seg_node.ros.parameters.cameras import (
    OF_ONE_CAMERA,
    own_name,
    OWN_PREFIX,
    setting_faults,
)
from seg_node.ros.parameters.server import declare, lock_faults, overrides

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rclpy.node import Node
    from rclpy.parameter import Parameter

    from seg_node.pipeline import Mounting
    from seg_node.ros.parameters.spec import Spec
    from seg_node.ros.parameters.table import Parameters

__all__ = ['CameraSettings', 'OwnSettings']


@dataclass(frozen=True, slots=True)
class CameraSettings:
    """Present settings of one camera; see the parameters of the same names.

    Attributes:
        image_transport: ``'raw'`` or ``'compressed'``.
        image_topic: Of its images; empty for ``image``.
        rotation: Clockwise turn that makes the image upright [degrees].
        own_vehicle_mask: Path of a PNG; empty for none.
        deadline: Longest wait of a frame [s]; 0 for no limit.
    """

    image_transport: str
    image_topic: str
    rotation: int
    own_vehicle_mask: str
    deadline: float

    @classmethod
    def of(cls, parameters: Parameters) -> CameraSettings:
        """Return those of a camera that has none of its own."""
        return cls(**{spec.field: getattr(parameters, spec.field) for spec in OF_ONE_CAMERA})

    def open_mounting(self, camera: str) -> Mounting:
        """Return how the camera is mounted.

        Args:
            camera: Its name, for the message.

        Raises:
            ParameterError: If the mask of the own vehicle cannot be used.
        """
        try:
            return open_mounting(self.rotation, self.own_vehicle_mask)
        except ParameterError as err:
            if not camera:
                raise
            msg = f'Camera {camera!r}: {err}'
            raise ParameterError(msg) from err


class OwnSettings:
    """The parameters of cameras with a name; what is not given is that of all cameras."""

    def __init__(
        self, node: Node, parameters: Callable[[], Parameters], locked: Callable[[], str]
    ) -> None:
        """Declare them.

        Args:
            node: Where they live.
            parameters: Returns the present values of the table.
            locked: As for ``ParameterServer``.

        Raises:
            ParameterError: If a value from the command line or a file is not valid.
        """
        self._node = node
        self._parameters = parameters
        self._locked = locked
        given = parameters()
        self._specs = {
            spec.name: spec
            for camera in given.cameras
            if camera
            for spec in _own_specs(camera, given)
        }
        for spec in self._specs.values():
            declare(node, spec)
        values = {name: node.get_parameter(name).value for name in self._specs}
        if faults := self._faults(values):
            raise ParameterError(' '.join(faults))
        self._warn_of_unknown()
        node.add_on_set_parameters_callback(self._judge)

    def of(self, camera: str) -> CameraSettings:
        """Return the present settings of a camera."""
        if not camera:
            return CameraSettings.of(self._parameters())
        own = {
            spec.field: self._node.get_parameter(own_name(camera, spec.name)).value
            for spec in OF_ONE_CAMERA
        }
        return CameraSettings(**own)

    def _judge(self, asked: Sequence[Parameter[Any]]) -> SetParametersResult:
        """Accept or refuse a set of changes as a whole."""
        changes = {one.name: one.value for one in asked if one.name in self._specs}
        faults = [
            *(fault for one in asked for fault in self._misplaced(one)),
            *lock_faults((self._specs[name] for name in changes), self._locked()),
            *self._faults(changes),
        ]
        return SetParametersResult(successful=not faults, reason=' '.join(faults))

    def _misplaced(self, asked: Parameter[Any]) -> list[str]:
        """Refuse a change that no camera would see: each has read it as its default, once."""
        is_own = self._specs and any(asked.name == spec.name for spec in OF_ONE_CAMERA)
        if not is_own or asked.value == self._node.get_parameter(asked.name).value:
            return []
        names = [repr(name) for name in self._specs if name.endswith(f'.{asked.name}')]
        words = f'Parameter {asked.name!r} is read only at the start where cameras have names.'
        return [f'{words} Set {", ".join(names)} instead.']

    def _faults(self, values: Mapping[str, object]) -> list[str]:
        faults = []
        for name, value in values.items():
            try:
                self._specs[name].convert(value)
            except ParameterError as err:
                faults.append(str(err))
            faults += setting_faults(name, value)
        return faults

    def _warn_of_unknown(self) -> None:
        """Name values from the command line or a file that no camera reads."""
        for name in overrides(self._node):
            if name.startswith(OWN_PREFIX) and name not in self._specs:
                self._node.get_logger().warning(
                    f'Ignored: {one_of("parameter", name, self._specs or ("cameras",))}'
                )


def _own_specs(camera: str, given: Parameters) -> list[Spec]:
    """Return the parameters of one camera; their defaults are the values for all cameras."""
    return [
        replace(spec, name=own_name(camera, spec.name), default=getattr(given, spec.field))
        for spec in OF_ONE_CAMERA
    ]
