# SPDX-License-Identifier: Apache-2.0
"""What becomes of a node whose worker hangs, dies, or whose engine fails for good."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Event
import time
from types import SimpleNamespace
from typing import Any, TYPE_CHECKING

import pytest

from seg_node.errors import EngineError
from tiny import scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ros.rig import Rig

pytestmark = [pytest.mark.needs_ros, pytest.mark.needs_onnx, pytest.mark.needs_onnxruntime]

MASK = 'segmentation/mask'
IMAGE = scene((60, 80))[0]
ERROR = 2


class Hang:
    """An inference that hangs until it may go on."""

    def __init__(self, rig: Rig) -> None:
        """Put it into the engine."""
        self.begun, self.may_go_on = Event(), Event()
        self._infer = rig.runner.engine._infer
        rig.runner.engine._infer = self

    def __call__(self, batch: Any) -> Any:
        """Hang."""
        self.begun.set()
        self.may_go_on.wait(30.0)
        return self._infer(batch)


@pytest.fixture
def hang() -> Iterator[Callable[[Rig], Hang]]:
    """Return a function that makes the next inferences hang until the test ends."""
    made: list[Hang] = []

    def make(rig: Rig) -> Hang:
        made.append(Hang(rig))
        return made[-1]

    yield make
    for one in made:
        one.may_go_on.set()


def said(rig: Rig) -> tuple[int, str, dict[str, str]]:
    """Return level, summary and values of the present diagnostics."""
    status = rig.node.diagnosis.message().status[0]
    values = {pair.key: pair.value for pair in status.values}
    return int.from_bytes(status.level, 'little'), status.message, values


def test_frame_that_takes_too_long_is_an_error_until_it_is_done(
    make_rig: Callable[..., Rig], hang: Callable[[Rig], Hang]
) -> None:
    rig = make_rig(watchdog_timeout=0.2)
    rig.listen(MASK)
    stuck = hang(rig)
    sent = rig.send(rig.image_of_now(IMAGE))
    assert stuck.begun.wait(30.0)
    rig.until(lambda: rig.node.lookout.stuck, 'the watchdog barks')

    level, summary, values = said(rig)
    stuck.may_go_on.set()
    rig.answer(MASK, sent)
    rig.until(lambda: not rig.node.lookout.stuck, 'the watchdog is quiet again')

    assert level == ERROR
    assert "in stage 'segment' (" in summary
    assert 'seg_node/engines/' in values['watchdog']
    assert values['silence'] == summary
    level, _, values = said(rig)
    assert (level, values['watchdog'], values['watchdog_overruns']) == (0, 'well', '1')


def test_snapshot_of_a_hanging_node_has_everything_but_the_outputs(
    make_rig: Callable[..., Rig],
    hang: Callable[[Rig], Hang],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    from seg_node.ros.snapshot import answer_snapshot  # noqa: PLC0415

    monkeypatch.setattr('seg_node.ros.snapshot.PATIENCE_S', 0.1)
    rig = make_rig(watchdog_timeout=0.2, snapshot_dir=str(tmp_path))
    rig.listen(MASK)
    stuck = hang(rig)
    rig.send(rig.image(IMAGE))
    assert stuck.begun.wait(30.0)
    rig.until(lambda: rig.node.lookout.stuck, 'the watchdog barks')

    is_done, folder = answer_snapshot(rig.node)

    assert is_done
    facts = json.loads((Path(folder) / 'snapshot.json').read_text(encoding='utf-8'))
    assert 'at work with another frame' in facts['error']
    assert "in stage 'segment'" in facts['diagnostics'][0]['watchdog']
    assert (Path(folder) / 'message.bin').read_bytes() == IMAGE.tobytes()


@pytest.mark.filterwarnings('ignore::pytest.PytestUnhandledThreadExceptionWarning')
def test_dead_worker_cleans_the_node_up_with_its_reason_and_it_can_start_again(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(autostart=False)
    rig.node.start()
    rig.listen(MASK)

    def die(*_: object) -> None:
        msg = 'lightning'
        raise SystemExit(msg)

    rig.runner.engine._infer = die
    rig.send(rig.image(IMAGE))
    rig.until(lambda: 'gave up' in said(rig)[1], 'the node gives up')

    level, summary, values = said(rig)

    assert level == ERROR
    assert 'gave up: The worker has died: SystemExit: lightning' in summary
    assert values['last_error'].startswith('gave up')
    assert rig.runner is None
    starts_again(rig)


@pytest.mark.filterwarnings('ignore::pytest.PytestUnhandledThreadExceptionWarning')
def test_dead_intake_is_as_bad_as_a_dead_worker(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(autostart=False)
    rig.node.start()
    rig.listen(MASK)
    camera: Any = rig.node.cameras[0]

    def die(*_: object) -> None:
        msg = 'lightning'
        raise OSError(msg)

    camera._intake._wait = die
    rig.send(rig.image(IMAGE))
    rig.until(lambda: 'gave up' in said(rig)[1], 'the node gives up')

    assert 'gave up: An intake of images has died: OSError: lightning' in said(rig)[1]
    starts_again(rig)


def starts_again(rig: Rig) -> None:
    """Let a node that gave up start again, and wait for a mask."""
    rig.until(lambda: not rig.camera.get_subscription_count(), 'the camera is left')
    rig.node.start()
    rig.until(rig.outputs.wanted, 'the node sees its listener again')
    rig.answer(MASK, rig.send(rig.image_of_now(IMAGE)))
    assert said(rig)[0] == 0


def break_engine(rig: Rig) -> None:
    """Let the engine fail on each frame."""

    def fail(*_: object) -> None:
        msg = 'The device has fallen off the bus.'
        raise EngineError(msg)

    rig.runner.engine._infer = fail
    rig.listen(MASK)


def fail_often(rig: Rig, count: int) -> None:
    """Let the engine fail on so many frames."""
    break_engine(rig)
    for index in range(count):
        rig.send(rig.image(IMAGE))
        rig.until_dropped('engine_error', index + 1)


def fail_for_good(rig: Rig) -> None:
    """Let the engine fail on frame after frame, until the node gives up."""
    break_engine(rig)

    def has_given_up() -> bool:
        rig.camera.publish(rig.image(IMAGE))
        return 'gave up' in said(rig)[1]

    rig.until(has_given_up, 'the node gives up')


def test_engine_that_fails_for_good_cleans_the_node_up_with_its_reason(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(give_up_after=0.1)
    fail_for_good(rig)

    level, summary, _ = said(rig)
    for _ in range(5):
        rig.node.lookout.look()

    assert said(rig)[1] == summary  # it gives up once
    assert level == ERROR
    assert 'gave up: No frame became a mask for' in summary
    assert 'failed; the last: engine_error: The device has fallen off the bus.' in summary


def test_burst_of_failures_before_a_silence_is_no_reason_to_give_up(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(give_up_after=0.1)
    rig.node.lookout._timer.cancel()
    fail_often(rig, 12)
    rig.node.lookout.look()
    time.sleep(0.2)

    rig.node.lookout.look()

    assert rig.node.state == 'active'


def test_failures_before_a_new_start_are_not_held_against_it(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(give_up_after=0.1)
    rig.node.lookout._timer.cancel()
    fail_often(rig, 12)
    rig.node.lookout.look()
    rig.node.trigger_deactivate()
    rig.node.lookout.look()
    time.sleep(0.2)
    rig.node.trigger_activate()
    rig.until(rig.outputs.wanted, 'the node sees its listener again')
    for index in range(12):
        rig.send(rig.image(IMAGE))
        rig.until_dropped('engine_error', 13 + index)

    rig.node.lookout.look()

    assert rig.node.state == 'active'


def test_node_that_starts_by_itself_starts_again_after_it_gave_up(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(give_up_after=0.1)
    rig.node.lookout.give_up.pause = 1.0
    fail_for_good(rig)

    _, summary, _ = said(rig)

    assert 'It starts again in 1 s.' in summary
    rig.until(lambda: rig.node.state == 'active', 'the node has started again')
    rig.until(rig.outputs.wanted, 'the node sees its listener again')
    rig.answer(MASK, rig.send(rig.image_of_now(IMAGE)))
    rig.until(lambda: said(rig)[0] == 0, 'all is well')


def test_pause_before_a_new_start_doubles_until_there_is_a_mask(
    make_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    from seg_node.ros.transitions import Surrender  # noqa: PLC0415

    rig = make_rig()
    pauses: list[float] = []
    monkeypatch.setattr(Surrender, '_start_after', lambda _, pause: pauses.append(pause))
    for masks in (0, 0, 0, 1, 0):
        for _ in range(masks):
            rig.health.processed({})
        rig.node.lookout.give_up('again')
        rig.node.start()

    assert pauses == [5.0, 10.0, 20.0, 5.0, 10.0]


def test_pause_stays_at_its_longest_however_often_a_start_was_in_vain() -> None:
    from seg_node.ros.transitions import LONGEST_PAUSE_S, Surrender  # noqa: PLC0415

    node: Any = SimpleNamespace(cameras=())
    give_up = Surrender(node)

    pauses = [give_up._next_pause() for _ in range(1100)]

    assert pauses[:3] == [5.0, 10.0, 20.0]
    assert max(pauses) == pauses[-1] == LONGEST_PAUSE_S


def test_start_that_fails_is_tried_again_until_one_succeeds(
    make_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    from seg_node.ros.cameras.model_runner import ModelRunner  # noqa: PLC0415

    rig = make_rig()
    said_before: list[str] = []

    def fail_twice(*arguments: Any) -> Any:
        said_before.append(rig.node.health.report().last_error)
        if len(said_before) <= 2:
            msg = 'The disk is not there yet.'
            raise EngineError(msg)
        return ModelRunner(*arguments)

    monkeypatch.setattr('seg_node.ros.node.ModelRunner', fail_twice)
    rig.node.lookout.give_up.pause = 0.1
    rig.node.lookout.give_up('It had to be.')

    rig.until(lambda: rig.node.state == 'active', 'the third start succeeds')

    assert said_before == [
        'gave up: It had to be. It starts again in 0.1 s.',
        'configure: The disk is not there yet. It starts again in 0.2 s.',
        'configure: The disk is not there yet. It starts again in 0.4 s.',
    ]


def test_no_new_start_is_promised_where_none_is_possible(
    make_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    from seg_node.ros.transitions import Surrender  # noqa: PLC0415

    rig = make_rig()
    pauses: list[float] = []
    monkeypatch.setattr(Surrender, '_start_after', lambda _, pause: pauses.append(pause))
    monkeypatch.setattr(rig.node, '_deactivate', lambda: 1 / 0)
    monkeypatch.setattr(rig.node, '_release', lambda: 1 / 0)

    rig.node.lookout.give_up('It had to be.')

    assert rig.node.state == 'finalized'
    assert rig.node.health.report().last_error == 'gave up: It had to be.'
    assert pauses == []


def test_node_that_was_deactivated_with_a_failing_engine_stays_inactive(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(give_up_after=1.0)
    fail_often(rig, 12)
    rig.node.trigger_deactivate()
    time.sleep(1.1)

    for _ in range(3):
        rig.node.lookout.look()

    assert rig.node.state == 'inactive'


@pytest.mark.parametrize('limit', [0.0, 30.0], ids=['never', 'not yet'])
def test_engine_that_may_recover_is_left_alone(limit: float, make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(give_up_after=limit)
    fail_often(rig, 12)
    for _ in range(3):
        rig.node.lookout.look()

    assert rig.node.state == 'active'
    assert said(rig)[0] == ERROR
