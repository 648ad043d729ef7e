# SPDX-License-Identifier: Apache-2.0
"""Networks that want to read other files, made with onnx itself."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
import tempfile

from hypothesis import given
from hypothesis import strategies as st
import pytest

from seg_node.bundle import open_bundle, write_bundle
from seg_node.bundle.external_data import (
    external_files,
    refuse_external_data,
    refuse_outside_data,
)
from seg_node.errors import BundleError
import tiny

pytestmark = pytest.mark.needs_onnx
SHIPPED = sorted(Path(__file__).parents[2].glob('bundles/*/*.onnx'))
PLACES = ('initializer', 'constant', 'branch', 'sparse', 'function')


def network(path: Path, location: str, place: str = 'initializer') -> Path:
    """Write a network whose constant says that its four bytes are at ``location``.

    Args:
        path: File to write.
        location: As the network says it.
        place: Where in the network the constant is.
    """
    import onnx  # noqa: PLC0415
    from onnx import helper, TensorProto  # noqa: PLC0415

    tensor = onnx.TensorProto(name='w', data_type=TensorProto.FLOAT, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (('offset', '0'), ('location', location), ('length', '4')):
        tensor.external_data.add(key=key, value=value)
    image = helper.make_tensor_value_info('image', TensorProto.FLOAT, [1])
    scores = helper.make_tensor_value_info('scores', TensorProto.FLOAT, [1])
    graph = onnx.GraphProto(name='g', input=[image], output=[scores])
    functions = []
    constant = helper.make_node('Constant', [], ['w'], value=tensor)
    if place == 'initializer':
        graph.initializer.append(tensor)
    elif place == 'constant':
        graph.node.append(constant)
    elif place == 'branch':
        branch = onnx.GraphProto(name='b', node=[constant])
        graph.node.append(helper.make_node('If', ['c'], ['w'], then_branch=branch))
    elif place == 'sparse':
        graph.sparse_initializer.add(values=tensor)
    else:
        imports = [helper.make_opsetid('', 17)]
        functions = [helper.make_function('mine', 'f', [], ['w'], [constant], imports)]
    graph.node.append(helper.make_node('Add', ['image', 'w'], ['scores']))
    model = helper.make_model(graph, functions=functions)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize('place', PLACES)
def test_name_is_found_wherever_the_tensor_is(place: str, tmp_path: Path) -> None:
    path = network(tmp_path / 'n.onnx', '../../etc/passwd', place)

    assert external_files(path) == ('../../etc/passwd',)


# Tags of the field with the file's name, 0x6A, as some readers take them and others do not.
ODD_TAGS = {
    'cut to 32 bits': b'\xea\x80\x80\x80\x10',
    'longer than needed': b'\xea\x00',
    'much longer than needed': b'\xea\x80\x80\x80\x80\x80\x80\x80\x80\x00',
    'field 0': b'\x02',
}


def smuggled(tag: bytes) -> bytes:
    """Return a network with a tensor that names a file in a field with a tag of our choice."""
    entry = b'\x0a\x08location\x12\x06secret'
    tensor = tag + bytes([len(entry)]) + entry
    graph = bytes([5 << 3 | 2, len(tensor)]) + tensor
    return bytes([7 << 3 | 2, len(graph)]) + graph


def test_tag_as_everybody_writes_it_leads_to_the_name(tmp_path: Path) -> None:
    path = tmp_path / 'n.onnx'
    path.write_bytes(smuggled(b'\x6a'))

    assert external_files(path) == ('secret',)


@pytest.mark.parametrize('case', ODD_TAGS)
def test_tag_that_readers_take_differently_is_refused(case: str, tmp_path: Path) -> None:
    """The parser in ONNX Runtime and OpenVINO keeps 32 bits of a tag, others keep all."""
    path = tmp_path / 'n.onnx'
    path.write_bytes(smuggled(ODD_TAGS[case]))

    with pytest.raises(BundleError, match='is no ONNX network: a tag'):
        refuse_external_data(path)


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: f'{path.parent.name}/{path.name}')
def test_shipped_networks_hold_their_numbers_themselves(path: Path) -> None:
    assert external_files(path) == ()


def test_names_are_those_that_onnx_finds(tmp_path: Path) -> None:
    """The whole network is compared, with the library that wrote it as the judge."""
    import onnx  # noqa: PLC0415
    from onnx.external_data_helper import convert_model_to_external_data  # noqa: PLC0415

    model = onnx.load(tiny.tiny_bundle(tmp_path / 'tiny').onnx_path)
    convert_model_to_external_data(model, location='all.bin', size_threshold=0)
    path = tmp_path / 'outside.onnx'
    onnx.save(model, path)

    named = [one for one in model.graph.initializer if one.data_location]
    assert external_files(path) == ('all.bin',) * len(named)
    assert named


@pytest.mark.parametrize('name', ['../../etc/passwd', '/etc/passwd', 'beside.bin'])
def test_bundle_whose_network_reads_other_files_is_refused(name: str, tmp_path: Path) -> None:
    path = network(tmp_path / 'n.onnx', name)

    with pytest.raises(
        BundleError, match=f"wants to read '{name}'; expected a network that holds"
    ):
        write_bundle(tmp_path / 'b', tiny.tiny_manifest(), {'model.onnx': path})
    with pytest.raises(BundleError, match='wants to read'):
        open_bundle(tmp_path / 'b')


@pytest.mark.parametrize(
    'name', ['../../etc/passwd', '/etc/passwd', 'a/../../x', '..\\..\\x', '', 'link/passwd']
)
def test_foreign_network_that_reads_outside_of_its_folder_is_refused(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / 'link').symlink_to('/etc')
    path = network(tmp_path / 'n.onnx', name)

    with pytest.raises(BundleError, match='outside of its own folder'):
        refuse_outside_data(path)


def test_foreign_network_may_have_its_numbers_beside_it(tmp_path: Path) -> None:
    refuse_outside_data(network(tmp_path / 'n.onnx', 'n.onnx.data'))
    refuse_outside_data(network(tmp_path / 'm.onnx', 'weights/m.bin'))


@pytest.mark.needs_onnxruntime
def test_import_refuses_a_network_that_reads_outside_of_its_folder(tmp_path: Path) -> None:
    from seg_node.bundle.foreign import load_foreign  # noqa: PLC0415

    with pytest.raises(BundleError, match=r'wants to read .*outside of its own folder'):
        load_foreign(network(tmp_path / 'n.onnx', '../../etc/passwd'))


DAMAGED = {
    'text': b'this is no network at all',
    'cut': bytes([7 << 3 | 2, 100, 1, 2]),
    'endless number': b'\xff' * 20,
    'nested': b'',
}


def nested(depth: int) -> bytes:
    """Return graphs in attributes in nodes in graphs."""
    data = b''
    for _ in range(depth):
        for field in (6, 5, 1):
            size = len(data)
            groups = [size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14]
            data = bytes([field << 3 | 2, *groups]) + data
    return bytes([7 << 3 | 2, len(data) & 0x7F | 0x80, len(data) >> 7 & 0x7F | 0x80, 0]) + data


@pytest.mark.parametrize('case', DAMAGED)
def test_what_is_no_network_is_refused_and_not_a_crash(case: str, tmp_path: Path) -> None:
    path = tmp_path / 'n.onnx'
    path.write_bytes(DAMAGED[case] or nested(400))

    with pytest.raises(BundleError, match='is no ONNX network'):
        refuse_external_data(path)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix='.onnx') as file:
        path = Path(file.name)
        path.write_bytes(data)
        with suppress(BundleError):
            assert all(isinstance(one, str) for one in external_files(path))


@given(st.data())
def test_a_network_with_changed_bytes_is_read_or_refused(data: st.DataObject) -> None:
    changed = bytearray(SHIPPED[0].read_bytes()[-4000:])
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(changed) - 1))
        changed[at] = data.draw(st.integers(0, 255))
    with tempfile.NamedTemporaryFile(suffix='.onnx') as file:
        path = Path(file.name)
        path.write_bytes(changed)
        with suppress(BundleError):
            external_files(path)
