# SPDX-License-Identifier: Apache-2.0
"""Several processes do what one does."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
import os
from pathlib import Path
import signal
import socket
import subprocess
import sys
from types import MappingProxyType
from typing import TYPE_CHECKING

from lightning.pytorch.strategies import DDPStrategy
import pytest
import torch

from seg_node.errors import DatasetError, ParameterError
from seg_node.training.processes import gather, RankShare, steps_of_epochs, trainer_options
from seg_node.training.recipe.compute import ComputePart
from seg_node.training.samples.samples import DrawSampler, Share
from seg_node.training.trainer import is_chief

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).parent / 'run_in_double.py'
SMOKE = ROOT / 'config' / 'train' / 'smoke.yaml'
LONGEST = 600  # [s]; only a run that hangs takes so long
TINY = (
    'network.pretrained=none',
    'schedule.epochs=3',
    'schedule.measure_every=3',
    'schedule.batch=4',
    'augment.crop=[32, 48]',
    'augment.scale=[0.3, 0.5]',
    'optimizer.lr=0.01',
    'loss.lovasz=1.0',
    'loss.class_weights.kind=enet',
    'compute.accelerator=cpu',
)


def test_shares_of_all_processes_are_the_batches_of_one() -> None:
    order = DrawSampler([Share(11, 0)], seed=1)
    draws = list(order)

    shares = [list(RankShare(order, batch=4, rank=rank, world=2)) for rank in range(2)]

    for start in (0, 4):
        own = slice(start // 2, start // 2 + 2)
        assert shares[0][own] + shares[1][own] == draws[start : start + 4]
    assert [len(share) for share in shares] == [4, 4]
    assert len(RankShare(order, batch=4, rank=1, world=2)) == 4


def test_steps_of_epochs_grow_when_a_source_joins() -> None:
    order = DrawSampler([Share(11, 0), Share(3, 6, first_epoch=1)], seed=1)

    assert steps_of_epochs(order, epochs=3, batch=4) == [2, 4, 4]


def test_epoch_without_a_step_is_refused() -> None:
    order = DrawSampler([Share(5, 0)], seed=1)

    with pytest.raises(DatasetError, match='Epoch 1 has 5 samples, less than the batch of 8'):
        steps_of_epochs(order, epochs=2, batch=8)


def test_one_process_alone_gathers_its_own() -> None:
    own = torch.ones(2, 3, requires_grad=True)

    assert gather(own) is own


def test_batch_that_cannot_be_shared_is_refused() -> None:
    with pytest.raises(
        ParameterError, match=r'over 3 device\(s\) on 2 node\(s\); expected a mult'
    ):
        trainer_options(ComputePart('cpu', devices=3, nodes=2), batch=8)


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_gpu_that_is_not_there_is_named() -> None:
    with pytest.raises(ParameterError, match=r'asks for 1 GPU\(s\), and torch .* sees 0'):
        trainer_options(ComputePart('gpu'), batch=8)

    assert trainer_options(ComputePart(), batch=8)['accelerator'] == 'cpu'


@pytest.mark.parametrize('gpus', [0, 2])
def test_auto_takes_the_gpus_there_are(gpus: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: gpus)

    options = trainer_options(ComputePart(devices=2, nodes=3, precision='bf16'), batch=12)

    expected = {
        'accelerator': 'gpu' if gpus else 'cpu',
        'benchmark': gpus > 0,
        'devices': 2,
        'num_nodes': 3,
        'precision': 'bf16-mixed',
    }
    strategy = options.pop('strategy')
    assert options == expected
    assert isinstance(strategy, DDPStrategy)


def test_processes_wait_while_the_first_measures_a_large_set() -> None:
    strategy = trainer_options(ComputePart('cpu', devices=2), batch=4)['strategy']

    assert strategy._timeout >= timedelta(hours=12)


@pytest.mark.parametrize(('nodes', 'rank', 'chiefs'), [(2, '1', 0), (2, '0', 1), (1, '1', 1)])
def test_one_machine_of_several_speaks_before_lightning_has_started(
    nodes: int, rank: str, chiefs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('NODE_RANK', rank)

    assert is_chief(ComputePart(nodes=nodes)) == bool(chiefs)


@pytest.mark.parametrize('spread', ['devices', pytest.param('nodes', marks=pytest.mark.slow)])
def test_two_processes_equal_one_with_the_double_batch(spread: str, tmp_path: Path) -> None:
    """Batch statistics, class weights and a loss that is no mean over samples included."""
    write_scenes(tmp_path / 'scenes')
    machines = together() if spread == 'nodes' else ({},)

    wait([start(tmp_path, 'one')])
    wait([start(tmp_path, 'two', spread, machine) for machine in machines])

    compare(stored(tmp_path / 'one'), stored(tmp_path / 'two'))


def together() -> tuple[dict[str, str], ...]:
    """Return what tells two commands that they are one run."""
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = server.getsockname()[1]
    meeting = {'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': str(port)}
    return tuple({**meeting, 'NODE_RANK': str(rank)} for rank in range(2))


def write_scenes(folder: Path) -> None:
    """Write eight tiny scenes; they show few of the classes."""
    import cv2  # noqa: PLC0415 - only here

    import tiny  # noqa: PLC0415 - only here

    for kind in ('images', 'labels'):
        (folder / kind).mkdir(parents=True)
    for seed in range(8):
        image, labels = tiny.scene(seed=seed)
        cv2.imwrite(str(folder / 'images' / f'{seed}.png'), image)
        cv2.imwrite(str(folder / 'labels' / f'{seed}.png'), labels)


def start(
    folder: Path,
    name: str,
    spread: str = '',
    environment: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.Popen[str]:
    """Start a short run, an epoch of two steps, on one process or on two devices or nodes."""
    data = [f'data.{part}.dataset=folder:{folder / "scenes"}' for part in ('train.0', 'val')]
    options = [*data, *TINY, 'optimizer.name=sgd', 'data.train.0.split=train']
    places = [f'compute.{spread}=2'] if spread else []
    return subprocess.Popen(
        [
            *(sys.executable, str(PROGRAM), 'train', str(SMOKE), *options, *places),
            *('--until', '1', '--run', str(folder / name)),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1', **environment},
        cwd=folder,
        text=True,
        start_new_session=True,
    )


def wait(running: Sequence[subprocess.Popen[str]]) -> None:
    """Expect all to succeed; where one does not, the others do not wait for it for ever."""
    try:
        outputs = [process.communicate(timeout=LONGEST)[1] for process in running]
    finally:
        for process in running:
            with suppress(ProcessLookupError):  # nobody of its group is left
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert not any(process.returncode for process in running), outputs


def stored(run: Path) -> Mapping[str, torch.Tensor]:
    checkpoint = torch.load(run / 'last.ckpt', weights_only=True)
    assert checkpoint['epoch'] == 0
    assert checkpoint['global_step'] == 2
    state: Mapping[str, torch.Tensor] = checkpoint['state_dict']
    return state


def compare(one: Mapping[str, torch.Tensor], two: Mapping[str, torch.Tensor]) -> None:
    """Expect equal parameters, batch statistics and averages."""
    assert one.keys() == two.keys()
    assert any(name.endswith('running_var') for name in one)
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-7, atol=1e-10, msg=name)
