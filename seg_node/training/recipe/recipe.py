# SPDX-License-Identifier: Apache-2.0
"""A training run as one value, read from one YAML file; free of torch.

Unknown keys, missing keys and values of the wrong type are errors that name the place in the file,
so a typing mistake never trains for an hour with a default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from seg_node.errors import ParameterError
from seg_node.training.recipe.augment import AugmentPart
from seg_node.training.recipe.compute import ComputePart
from seg_node.training.recipe.crf import CrfPart
from seg_node.training.recipe.loss import expect_in_range, LossPart

LONGEST_EMA = 0.999999  # 1 would keep the start for ever


@dataclass(frozen=True, slots=True)
class NetworkPart:
    """Which network, and what it knows beforehand.

    Attributes:
        family: Architecture; see ``NetConfig``.
        pretrained: ``imagenet`` for an encoder trained to classify, ``none``, or the path of a
            bundle, of a safetensors file, of a state dict (``.pth``, ``.pt``) or of a folder of
            ``transformers`` to go on from; a head for other classes starts anew. The log says
            what did not fit.
        frozen: Leading blocks of the encoder that keep their weights and statistics. The finest
            blocks cost most; a network that goes on from a bundle trains a quarter faster with 3.
        finest_stride: Of the features that ``lite0`` merges, 2 or 4; see ``NetConfig``.
    """

    family: Literal[
        'lite0',
        'erfnet',
        'segformer-b0',
        'segformer-b1',
        'segformer-b2',
        'segformer-b3',
        'segformer-b4',
        'segformer-b5',
    ] = 'lite0'
    pretrained: str = 'imagenet'
    frozen: int = 0
    finest_stride: int = 4

    def __post_init__(self) -> None:
        """Refuse to freeze what has no blocks.

        Raises:
            ParameterError: Blocks of another family than ``lite0`` shall be frozen.
        """
        if self.frozen and self.family != 'lite0':
            msg = (
                f'The value of network.frozen is {self.frozen!r}, but {self.family!r} has no '
                'blocks to freeze; expected 0. Only lite0 has some.'
            )
            raise ParameterError(msg)


@dataclass(frozen=True, slots=True)
class InputPart:
    """Network input of the bundle [px] and how images are fitted to it."""

    height: int = 360
    width: int = 480
    fit: Literal['letterbox', 'stretch'] = 'letterbox'


@dataclass(frozen=True, slots=True)
class Source:
    """One data set that samples are drawn from.

    Attributes:
        dataset: As for ``open_dataset``; ``{name}`` is replaced from the recipe's ``paths``.
        split: Which part of the data set.
        per_epoch: Samples drawn per epoch; 0 means each one once.
        first_epoch: Epoch, counted from 0, from which on the source takes part.
        real: Whether people may have labelled it: its pixels count as real in the model card.
    """

    dataset: str
    split: str = 'train'
    per_epoch: int = 0
    first_epoch: int = 0
    real: bool = True

    def __post_init__(self) -> None:
        """Refuse numbers below 0.

        Raises:
            ParameterError: One is.
        """
        for name in ('per_epoch', 'first_epoch'):
            expect_in_range(f'{name} of a data set', getattr(self, name), 0)


@dataclass(frozen=True, slots=True)
class DataPart:
    """What is trained on and what is measured on.

    Attributes:
        train: Sources of training samples.
        val: Source measured after every ``measure_every`` epochs; never trained on.
        also: Further sources measured once, for the bundle; never trained on.
        groups: Taxonomy that probabilities are summed into for the headline number; empty for
            the classes of the network.
        cache: Memory for samples as they were read, so that each is read once [MiB]; 0 for none.
            A 480 x 360 sample takes 0.66 MiB. On Linux worker processes share it; elsewhere it
            needs ``workers: 0``.
    """

    train: tuple[Source, ...]
    val: Source
    also: tuple[Source, ...] = ()
    groups: str = ''
    cache: int = 0

    def __post_init__(self) -> None:
        """Refuse memory below 0.

        Raises:
            ParameterError: It is.
        """
        expect_in_range('data.cache', self.cache, 0)


@dataclass(frozen=True, slots=True)
class OptimizerPart:
    """Descent.

    Attributes:
        name: Method.
        lr: Largest learning rate of decoder and head.
        encoder_lr: Factor on it for a pre-trained encoder.
        weight_decay: Of convolution weights; norms and biases have none.
        momentum: Of SGD.
        clip_norm: Largest gradient norm.
    """

    name: Literal['adamw', 'sgd'] = 'adamw'
    lr: float = 1.5e-3
    encoder_lr: float = 0.3
    weight_decay: float = 0.02
    momentum: float = 0.9
    clip_norm: float = 5.0

    def __post_init__(self) -> None:
        """Refuse numbers below 0, and a momentum above 1.

        Raises:
            ParameterError: A number is out of its range.
        """
        for name in ('lr', 'encoder_lr', 'weight_decay', 'clip_norm'):
            expect_in_range(f'optimizer.{name}', getattr(self, name), 0)
        expect_in_range('optimizer.momentum', self.momentum, 0, 1)


@dataclass(frozen=True, slots=True)
class SchedulePart:
    """How long, and how the learning rate runs.

    Attributes:
        epochs: Number of passes.
        batch: Samples per step, over all processes.
        warmup: Share of all steps over which the rate rises linearly.
        decay: Form of the fall to zero afterwards.
        power: Exponent of the ``poly`` form.
        measure_every: Epochs between measurements on ``data.val``.
        patience: Measurements in a row without a better mean IoU after which training ends; 0 for
            never. The rate then has not fallen to zero, so prefer a shorter schedule.
        keep_best: Averaged weights of so many best measurements are kept in the run's folder.
    """

    epochs: int = 40
    batch: int = 8
    warmup: float = 0.05
    decay: Literal['poly', 'cosine'] = 'poly'
    power: float = 0.9
    measure_every: int = 4
    patience: int = 0
    keep_best: int = 1

    def __post_init__(self) -> None:
        """Refuse what would end in the middle of a run, or train nothing.

        Raises:
            ParameterError: A number is out of its range.
        """
        for name in ('epochs', 'batch', 'measure_every'):
            expect_in_range(f'schedule.{name}', getattr(self, name), 1)
        for name in ('power', 'patience', 'keep_best'):
            expect_in_range(f'schedule.{name}', getattr(self, name), 0)
        expect_in_range('schedule.warmup', self.warmup, 0, 1)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A whole training run.

    Attributes:
        name: Name of the bundle.
        taxonomy: Name or file of the classes; a ``{name}`` is replaced from ``paths``.
        data: What is trained and measured on.
        licence: Terms of the ``weights`` and of the ``data`` behind them, for the manifest.
        notes: What a reader of the model card must know about the data.
        network: Which network.
        input: Network input of the bundle.
        augment: Random changes of samples.
        loss: What is minimised.
        crf: A dense CRF behind the network that learns too.
        optimizer: How.
        schedule: How long.
        ema: Decay of the averaged weights that are measured and exported; 0 turns averaging off.
        seed: Of everything random.
        threads: Torch threads.
        workers: Processes that prepare samples; 0 prepares them in the training process.
        compute: What it is computed on.
        paths: Folders by name, where they lie on this machine; a bundle does not keep them.
    """

    name: str
    taxonomy: str
    data: DataPart
    licence: Mapping[str, str]
    notes: str = ''
    network: NetworkPart = field(default_factory=NetworkPart)
    input: InputPart = field(default_factory=InputPart)
    augment: AugmentPart = field(default_factory=AugmentPart)
    loss: LossPart = field(default_factory=LossPart)
    crf: CrfPart = field(default_factory=CrfPart)
    optimizer: OptimizerPart = field(default_factory=OptimizerPart)
    schedule: SchedulePart = field(default_factory=SchedulePart)
    ema: float = 0.996
    seed: int = 1
    threads: int = 1
    workers: int = 0
    compute: ComputePart = field(default_factory=ComputePart)
    paths: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse an average that would never leave its random start, and processes below 0.

        Raises:
            ParameterError: A number is out of its range.
        """
        expect_in_range('ema', self.ema, 0, LONGEST_EMA)
        expect_in_range('threads', self.threads, 1)
        expect_in_range('workers', self.workers, 0)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for YAML and JSON; the inverse of ``build``."""
        return _plain(asdict(self))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(one) for one in value]
    return value
