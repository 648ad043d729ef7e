# SPDX-License-Identifier: Apache-2.0
"""The managed node: life cycle, cameras, services. The work is done by ``Processor``."""

from __future__ import annotations

import time
from typing import Any, cast, TYPE_CHECKING

from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from std_srvs.srv import SetBool

from seg_node.errors import EngineError, SegNodeError
from seg_node.interface.topics import chosen_classes
from seg_node.ros.cameras.camera import Camera
from seg_node.ros.cameras.model_runner import ModelRunner
from seg_node.ros.cameras.processing import Processor
from seg_node.ros.cameras.settings import OwnSettings
from seg_node.ros.cameras.worker import Frame, Worker
from seg_node.ros.parameters.server import ParameterServer
from seg_node.ros.vitals.diagnosis import Diagnosis
from seg_node.ros.vitals.health import Health
from seg_node.ros.vitals.listeners import Listeners
from seg_node.ros.vitals.lookout import Lookout
from seg_node.ros.vitals.memory import release_memory

from .snapshot_service import SnapshotService
from .transitions import survive_wrong_transitions

if TYPE_CHECKING:
    from collections.abc import Callable

    from seg_node.ros.parameters.table import Parameters

__all__ = ['SegNode']

STOP_TIMEOUT_S = 10.0
"""A deactivation waits so long for the frame at hand."""
RELEASE_TIMEOUT_S = 1.0
"""What is taken down then waits so long for a worker that should have ended before."""
UNCONFIGURED = 'unconfigured'
INACTIVE = 'inactive'
ACTIVE = 'active'
FINALIZED = 'finalized'
"""The end: only a new process helps."""


class SegNode(LifecycleNode):
    """Camera images in, masks out.

    ============  =========================================================================
    unconfigured  parameters can be set; no model, no topics but ``/diagnostics``
    inactive      model loaded and run once, output topics exist, latched ones are sent
    active        subscribed; frames become masks in the worker's thread
    ============  =========================================================================

    A thread for each camera takes images and only stores them, so that it is always ready for the
    next one; the executor serves parameters, services and timers.

    Attributes:
        cameras: At least one; a single one may have an empty name.
        health: What concerns the node as a whole: the last error of a transition.
        lookout: Looks after cameras and worker.
        runner: The open model; None while the node is unconfigured.
        state: Of the life cycle.
        enabled: As set by ``~/enable``.
    """

    # Until a wrong parameter has not ended the constructor.
    cameras: tuple[Camera, ...] = ()
    _listeners: Listeners | None = None

    def __init__(self, name: str = 'seg_node', **options: Any) -> None:
        """Declare parameters and services.

        Args:
            name: Of the node.
            options: For ``rclpy.lifecycle.LifecycleNode``.

        Raises:
            ParameterError: If a parameter from the command line or a file is not valid.
        """
        super().__init__(name, **options)
        survive_wrong_transitions(self)
        self.state = UNCONFIGURED
        self.enabled = True
        self.health = Health()
        self.runner: ModelRunner | None = None
        self._worker: Worker | None = None
        self._parameter_server = ParameterServer(
            self, self._locked_state, self._model_faults, self._parameters_changed
        )
        self._own_settings = OwnSettings(self, lambda: self.parameters, self._locked_state)
        self._listeners = listeners = Listeners(self)
        self.cameras = tuple(
            self._make_camera(name, listeners) for name in self.parameters.cameras
        )
        self.lookout = Lookout(self)
        self.diagnosis = Diagnosis(self)
        self._service_enable = self.create_service(SetBool, '~/enable', self._on_enable)
        self._snapshots = SnapshotService(self)
        if self.parameters.autostart:
            self._start_when_spinning()

    @property
    def parameters(self) -> Parameters:
        """The present ``Parameters``; take them once and use that."""
        return self._parameter_server.current()

    def _make_camera(self, name: str, listeners: Listeners) -> Camera:
        return Camera(self, name, lambda: self._own_settings.of(name), self._hand_over, listeners)

    def _locked_state(self) -> str:
        return '' if self.state == UNCONFIGURED else self.state

    def _model_faults(self, parameters: Parameters) -> list[str]:
        """Return what the open model has against a set of parameters."""
        try:
            if self.runner is not None:
                self.runner.options_of(parameters)
                self._chosen_classes(parameters)
        except SegNodeError as err:
            return [str(err)]
        return []

    def _parameters_changed(self, parameters: Parameters) -> None:
        """Make and take down topics that depend on parameters; the rest follows with a frame."""
        if self.runner is None:
            return
        chosen = self._chosen_classes(parameters)
        for camera in self.cameras:
            if camera.outputs is not None:
                camera.outputs.choose_classes(chosen)

    def _chosen_classes(self, parameters: Parameters) -> tuple[int, ...]:
        """Return the ids of the classes whose confidence is published; there is a model."""
        taxonomy = cast('ModelRunner', self.runner).bundle.manifest.taxonomy
        return chosen_classes(taxonomy, parameters.outputs_class_confidence)

    # Start and end

    def _start_when_spinning(self) -> None:
        """Start from the executor, as a manager would: other calls can wait."""

        def start() -> None:
            self.destroy_guard_condition(guard)
            self.start()

        guard = self.create_guard_condition(start)
        guard.trigger()

    def start(self) -> None:
        """Configure and activate, unless somebody was faster."""
        if self.state != UNCONFIGURED:
            return
        if self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()
        if self.state != ACTIVE:
            self.get_logger().error(
                f'Autostart failed; the node is {self.state}. Mend the cause, then: ros2 '
                f'lifecycle set {self.get_fully_qualified_name()} configure (and activate).'
            )

    def stop(self, timeout: float) -> bool:
        """Stop the worker, whatever the state; for the end of the process.

        Args:
            timeout: How long the frame at hand may take [s].

        Returns:
            Whether nothing runs any more.
        """
        for camera in self.cameras:
            camera.unsubscribe()
        worker = self._worker
        if worker is None:
            return True
        ended = worker.stop(timeout)
        for camera in self.cameras:
            if camera.name in worker.forgotten:
                camera.health.dropped('inactive')
        if ended:
            self._worker = None
        return ended

    def free_model(self, timeout: float) -> bool:
        """End a build and free the GPU; for the end of the process, when no frame is at hand.

        Args:
            timeout: How long a snapshot that is being made may take [s].

        Returns:
            Whether it is free; a snapshot may still use it.
        """
        if not self._snapshots.ended(timeout):
            return False
        runner, self.runner = self.runner, None
        if runner is not None:
            runner.close()
        return True

    def destroy_node(self) -> None:
        """Take everything down that is left; ``stop`` and ``free_model`` come first."""
        for camera in self.cameras:
            camera.unsubscribe()  # its thread must not use what goes away
        if self._listeners is not None:
            self._listeners.release_all()
        super().destroy_node()

    def thread_fault(self) -> str:
        """Return why the worker or what takes images has died; empty if all are well."""
        faults = (one.fault for one in (self._worker, *self.cameras) if one is not None)
        return next(filter(None, faults), '')

    # Life cycle. rclpy swallows exceptions of these callbacks, so each reports its own.

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the model and create the outputs."""
        return self._transition('configure', INACTIVE, self._configure, state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe and start the worker."""
        return self._transition('activate', ACTIVE, self._activate, state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe and stop the worker."""
        return self._transition('deactivate', INACTIVE, self._deactivate, state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the model and take the outputs down."""
        return self._transition('clean up', UNCONFIGURED, self._release, state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything, from any state."""
        result = self._transition('shut down', FINALIZED, self._end, state)
        self.state = FINALIZED if result != TransitionCallbackReturn.ERROR else self.state
        return result

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything and become unconfigured, so that a manager can try again."""
        result = self._transition('recover', UNCONFIGURED, self._release, state)
        self.state = UNCONFIGURED if result == TransitionCallbackReturn.SUCCESS else FINALIZED
        return result

    def _transition(
        self, name: str, goal: str, change: Callable[[], None], state: LifecycleState
    ) -> TransitionCallbackReturn:
        """Make a change of state; a failure leaves the state as it was."""
        try:
            change()
        except SegNodeError as err:
            self._transition_failed(name, str(err))
            return TransitionCallbackReturn.FAILURE
        except Exception as err:  # noqa: BLE001  # rclpy would swallow it without a word
            self._transition_failed(name, f'{type(err).__name__}: {err}')
            return TransitionCallbackReturn.ERROR
        self.state = goal
        if goal in {INACTIVE, ACTIVE} and name != 'deactivate':
            self.health.recovered()
        self.get_logger().info(f'{state.label} -> {goal}')
        return TransitionCallbackReturn.SUCCESS

    def _transition_failed(self, name: str, text: str) -> None:
        self.health.error(f'{name}: {text}')
        self.get_logger().error(f'Could not {name}: {text}')

    def _configure(self) -> None:
        parameters = self.parameters
        started = time.monotonic()
        try:
            mountings = {one.name: one.settings.open_mounting(one.name) for one in self.cameras}
            self.runner = ModelRunner(parameters, mountings)
            for camera in self.cameras:
                camera.advertise(self.runner.bundle.manifest, parameters.runs)
            self._parameters_changed(parameters)
        except BaseException:
            self._release()
            raise
        seconds = time.monotonic() - started
        described = ', '.join(f'{key} {value}' for key, value in self.runner.described().items())
        self.get_logger().info(f'Ready in {seconds:.2f} s: {described}')
        for name, mounting in mountings.items():
            if words := str(mounting):
                self.get_logger().info(f'Camera{f" {name!r}" if name else ""}: {words}')
        if warning := self.runner.warning(parameters):
            self.get_logger().warning(warning)

    def _activate(self) -> None:
        if self.runner is None:
            msg = 'There is no model; configure the node before it is activated.'
            raise EngineError(msg)
        by_name = {camera.name: camera for camera in self.cameras}
        process = Processor(
            self, self.runner, by_name, lambda: self.parameters, self.lookout.watch
        )
        runner = self.runner
        self._worker = Worker(process, by_name, lambda: runner.slop(self.parameters))
        try:
            for camera in self.cameras:
                camera.subscribe()
        except BaseException:
            self.stop(RELEASE_TIMEOUT_S)
            raise
        self._parameter_server.warn_of_ignored()

    def _deactivate(self) -> None:
        self._stop_within(STOP_TIMEOUT_S)

    def _stop_within(self, timeout: float) -> None:
        if not self.stop(timeout):
            msg = f'The inference at hand has not ended within {timeout:g} s.'
            raise TimeoutError(msg)

    def _end(self) -> None:
        self._deactivate()
        self._release()

    def _release(self) -> None:
        # Not under a worker that still runs: it would publish to topics that are gone.
        self._stop_within(RELEASE_TIMEOUT_S)
        if self.runner is not None:
            self.runner.close()  # before the topics: while a snapshot uses it, all stays
        self.runner = None
        for camera in self.cameras:
            camera.withdraw()
        release_memory()

    # Input

    def _hand_over(self, camera: Camera, frame: Frame) -> None:
        """Give a camera's newest frame to the worker; an unread older one is dropped."""
        if not self.enabled:
            camera.health.dropped('disabled')
        elif (worker := self._worker) is not None and worker.put(frame):
            camera.health.dropped('superseded')

    # Services

    def _on_enable(self, request: Any, response: Any) -> Any:
        """Serve ``~/enable``: false drops frames before any work is done on them."""
        self.enabled = bool(request.data)
        response.success = True
        response.message = 'enabled' if self.enabled else 'disabled: frames are dropped'
        self.get_logger().info(f'~/enable: {response.message}')
        return response
