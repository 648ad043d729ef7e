# SPDX-License-Identifier: Apache-2.0
"""The parameter table on a ROS node: declared, checked as a set, and handed out as a whole."""

from __future__ import annotations

from typing import Any, TYPE_CHECKING

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import InvalidParameterValueException

from seg_node.errors import ParameterError

from .cameras import OWN_PREFIX
from .overrides import override_faults, QOS_PREFIX
from .table import find_spec, PARAMETERS, Parameters, set_faults, unknown_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from rclpy.node import Node
    from rclpy.parameter import Parameter

    from .spec import Spec

__all__ = ['ParameterServer', 'declare', 'lock_faults', 'overrides']

NOT_OURS = ('use_sim_time', 'start_type_description_service', QOS_PREFIX, OWN_PREFIX)
"""Parameters, or their prefixes, that rclpy itself or a camera declares."""


class ParameterServer:
    """Holds one validated ``Parameters``; a change replaces it as a whole."""

    def __init__(
        self,
        node: Node,
        locked: Callable[[], str],
        model_faults: Callable[[Parameters], list[str]],
        changed: Callable[[Parameters], object],
    ) -> None:
        """Declare the table on the node.

        Args:
            node: Where the parameters live.
            locked: Returns the state of the life cycle if parameters of the kind ``'configure'``
                may not change in it, else an empty text.
            model_faults: Returns what is wrong with a valid set for the model that is open.
            changed: Is told of a new set.

        Raises:
            ParameterError: If a value from the command line or a file is not valid.
        """
        self._node = node
        self._locked = locked
        self._model_faults = model_faults
        self._changed = changed
        given = {name: one.value for name, one in overrides(node).items()}
        if faults := override_faults(given):
            raise ParameterError(' '.join(faults))
        for spec in PARAMETERS:
            declare(node, spec)
        self._current = Parameters.from_values(self._values())
        self._warn_of_unknown()
        node.add_on_set_parameters_callback(self._judge)
        self._refreshes_later = None
        if hasattr(node, 'add_post_set_parameters_callback'):
            node.add_post_set_parameters_callback(self._replace)
        else:  # Humble: the executor, which sets them, looks at the values once all are there
            self._refreshes_later = node.create_guard_condition(self._refresh)

    def current(self) -> Parameters:
        """Return the present values; later changes do not touch what was returned."""
        return self._current

    def _values(self) -> dict[str, Any]:
        values = {spec.name: self._node.get_parameter(spec.name).value for spec in PARAMETERS}
        # A list cannot change under whoever took it, if it is a tuple.
        return {k: tuple(one) if isinstance(one, list) else one for k, one in values.items()}

    def _refresh(self) -> None:
        found = Parameters.from_values(self._values())
        if found != self._current:
            self._current = found
            self._changed(found)

    def _replace(self, changed: Sequence[Parameter[Any]]) -> None:
        """Take over accepted values."""
        if any(find_spec(one.name) for one in changed):
            self._refresh()

    def _judge(self, asked: Sequence[Parameter[Any]]) -> SetParametersResult:
        """Accept or refuse a set of changes as a whole."""
        changes = {one.name: one.value for one in asked if find_spec(one.name)}
        values = {**self._values(), **changes}
        specs = [spec for name in changes if (spec := find_spec(name))]
        faults = [*lock_faults(specs, self._locked()), *set_faults(values)]
        if not faults:
            faults = self._model_faults(Parameters.from_values(values))
        if not faults and self._refreshes_later is not None:
            self._refreshes_later.trigger()
        return SetParametersResult(successful=not faults, reason=' '.join(faults))

    def warn_of_ignored(self) -> None:
        """Name overrides of endpoints that are not there, once all are."""
        for name in overrides(self._node):
            if name.startswith(QOS_PREFIX) and not self._node.has_parameter(name):
                self._node.get_logger().warning(
                    f'Ignored: parameter {name!r}; no endpoint of the node reads it. See: ros2 '
                    f'node info {self._node.get_fully_qualified_name()}'
                )

    def _warn_of_unknown(self) -> None:
        """Name values from the command line or a file that nobody reads."""
        for name in overrides(self._node):
            if find_spec(name) is None and not name.startswith(NOT_OURS):
                self._node.get_logger().warning(f'Ignored: {unknown_name(name)}')


def declare(node: Node, spec: Spec) -> None:
    """Declare a parameter on a node.

    Raises:
        ParameterError: If its value from the command line or a file is out of range.
    """
    default = list(spec.default) if isinstance(spec.default, tuple) else spec.default
    try:
        node.declare_parameter(spec.name, default, _descriptor(spec))
    except InvalidParameterValueException as err:  # out of the descriptor's range
        if spec.name in overrides(node):
            spec.convert(overrides(node)[spec.name].value)  # says it in our words
        raise ParameterError(str(err)) from err


def overrides(node: Node) -> Mapping[str, Parameter[Any]]:
    """Return what came from the command line and files; rclpy has no public name for it."""
    return getattr(node, '_parameter_overrides', {})


def lock_faults(changed: Iterable[Spec], state: str) -> list[str]:
    """Return which of these may not change now.

    Args:
        changed: Those that somebody asks to change.
        state: Of the life cycle if it locks parameters, else empty.
    """
    return [
        f'Parameter {spec.name!r} is read when the node is configured and cannot change while it '
        f'is {state}. Deactivate and clean up first, set it, then configure again.'
        for spec in changed
        if state and spec.change == 'configure'
    ]


def _descriptor(spec: Spec) -> ParameterDescriptor:
    """Return what ``ros2 param describe`` shows."""
    words = spec.words + (f' [{spec.unit}]' if spec.unit else '')
    descriptor = ParameterDescriptor(
        description=words,
        read_only=spec.change == 'start',
        additional_constraints=f'one of {", ".join(spec.choices)}' if spec.choices else '',
        # A whole number will do for a real one; the table checks types itself, in plain words.
        dynamic_typing=True,
    )
    if spec.bounds is None:
        return descriptor
    low, high = spec.bounds
    if isinstance(spec.default, int):
        descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high), step=1)]
    else:
        descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    return descriptor
