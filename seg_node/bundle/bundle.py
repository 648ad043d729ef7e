# SPDX-License-Identifier: Apache-2.0
"""The folder that is shipped as "a model": found, verified, written."""

from __future__ import annotations

from dataclasses import dataclass, replace
import hashlib
import json
from pathlib import Path
import shutil
import tempfile
from typing import Any, TYPE_CHECKING

from seg_node.bundle.card import model_card
from seg_node.bundle.external_data import refuse_external_data
from seg_node.bundle.manifest import Manifest
from seg_node.errors import BundleError, ShareError
from seg_node.share import share_path

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ['Bundle', 'check_target', 'find_bundle', 'open_bundle', 'sha256', 'write_bundle']

MANIFEST = 'manifest.json'
ONNX = 'model.onnx'
ONNX_SUFFIX = '.onnx'
INT8_CPU = 'model.int8.cpu.onnx'
INT8_TRT = 'model.int8.trt.onnx'
WEIGHTS = 'weights.safetensors'
CARD = 'MODEL_CARD.md'
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified model on disk.

    Attributes:
        path: Folder of the bundle.
        manifest: Its content, checked against the files.
    """

    path: Path
    manifest: Manifest

    @property
    def onnx_path(self) -> Path:
        """The exported network: images (N, 3, H, W) to scores (N, K, h, w)."""
        return self._file(ONNX, 'run it with ONNX Runtime or TensorRT')

    @property
    def int8_cpu_path(self) -> Path:
        """The same network in 8-bit integers, by the rules of ONNX Runtime on a CPU."""
        return self._file(INT8_CPU, 'run in int8; make it with "seg quantize"')

    @property
    def int8_trt_path(self) -> Path:
        """The same network in 8-bit integers, by the rules of TensorRT."""
        return self._file(INT8_TRT, 'run TensorRT in int8; make it with "seg quantize"')

    @property
    def weights_path(self) -> Path:
        """The weights for torch, as safetensors."""
        return self._file(WEIGHTS, 'run it with torch or train it further')

    def network_path(self, precision: str) -> Path:
        """Return the network for a processor, ``fp32`` or ``int8``."""
        return self.int8_cpu_path if precision == 'int8' else self.onnx_path

    @property
    def digest(self) -> str:
        """First 12 hex digits of the network's SHA-256, to name the bundle in results."""
        return self.manifest.files.get(ONNX, '')[:12]

    def _file(self, name: str, purpose: str) -> Path:
        if name not in self.manifest.files:
            msg = f'Bundle {str(self.path)!r} has no {name}; it is needed to {purpose}.'
            raise BundleError(msg)
        return self.path / name


def find_bundle(name_or_path: str | Path) -> Path:
    """Return the folder of a bundle.

    Args:
        name_or_path: Path of a folder, or as str the name of a bundle that comes with the package
            (``'default'``, ``'procedural'``). A folder of that name in the working directory
            does not hide the package's; write ``./default`` for it.

    Raises:
        BundleError: If there is no such folder.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, str) and '/' not in text and text not in ('', '.', '..'):
        try:
            return share_path('bundles', text)
        except ShareError:
            pass
    folder = Path(name_or_path).expanduser()
    if not folder.is_dir():
        msg = (
            f'There is no bundle {text!r}: neither a folder of that path nor one of those that '
            f'come with the package ({", ".join(_shipped()) or "none found"}).'
        )
        raise BundleError(msg)
    return folder


def open_bundle(name_or_path: str | Path) -> Bundle:
    """Open a bundle and verify every file in it.

    Args:
        name_or_path: See ``find_bundle``.

    Raises:
        BundleError: If the folder or its manifest is missing or malformed, its format is from
            another major version, a file is missing or was altered, or a network wants to read
            files that are not its own.
    """
    folder = find_bundle(name_or_path)
    data = _read_manifest(folder / MANIFEST)
    try:
        manifest = Manifest.from_dict(data)
    except BundleError as err:
        msg = f'{str(folder / MANIFEST)!r} cannot be used. {err}'
        raise BundleError(msg) from err
    for name, expected in manifest.files.items():
        _verify(folder, name, expected)
        if name.endswith(ONNX_SUFFIX):
            refuse_external_data(folder / name)
    return Bundle(folder, manifest)


def write_bundle(folder: Path, manifest: Manifest, files: Mapping[str, Path]) -> Bundle:
    """Write a bundle as a whole or not at all.

    Args:
        folder: Where it goes; an older bundle there is replaced.
        manifest: Everything but the sums, which are computed here.
        files: Name in the bundle and the file to copy, for example ``{'model.onnx': path}``.

    Returns:
        The bundle, opened and verified again.

    Raises:
        BundleError: If ``folder`` exists and is not a bundle, a file name leaves the folder or is
            one of ours, or a file cannot be read or written.
    """
    check_target(folder)
    try:
        complete = replace(manifest, files={name: sha256(path) for name, path in files.items()})
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix='.bundle-') as scratch:
            fresh = Path(scratch) / 'bundle'
            _fill(fresh, complete, files)
            _swap(fresh, folder, Path(scratch) / 'replaced')
    except OSError as err:
        msg = (
            f'Bundle {str(folder)!r} cannot be written: {err}. Give another folder or free space.'
        )
        raise BundleError(msg) from err
    return open_bundle(folder)


def check_target(folder: Path) -> None:
    """Refuse a place for a bundle where something else stands; ask before long work.

    Raises:
        BundleError: If there is a file, or a folder that is neither a bundle nor empty.
    """
    if folder.is_dir():
        ours = (folder / MANIFEST).is_file() or not any(folder.iterdir())
    else:
        ours = not folder.exists()
    if not ours:
        msg = f'{str(folder)!r} exists and is no bundle; give another folder or empty this one.'
        raise BundleError(msg)


def _fill(fresh: Path, manifest: Manifest, files: Mapping[str, Path]) -> None:
    """Write all files of a bundle into a new folder."""
    fresh.mkdir()
    for name, path in files.items():
        target = _inside(fresh, name)
        if name in (MANIFEST, CARD):
            msg = f'Bundle lists a file {name!r}, which is made here; leave it out.'
            raise BundleError(msg)
        shutil.copyfile(path, target)
    text = json.dumps(manifest.to_dict(), indent=2, ensure_ascii=False, sort_keys=True)
    (fresh / MANIFEST).write_text(text + '\n', encoding='utf-8')
    (fresh / CARD).write_text(model_card(manifest), encoding='utf-8')


def _swap(fresh: Path, folder: Path, replaced: Path) -> None:
    """Put a folder in the place of another, which comes back if that fails."""
    if not folder.exists():
        fresh.rename(folder)
        return
    folder.rename(replaced)
    try:
        fresh.rename(folder)
    except BaseException:
        replaced.rename(folder)
        raise


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hex digits."""
    digest = hashlib.sha256()
    with path.open('rb') as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError as err:
        msg = (
            f'{str(path.parent)!r} has no {MANIFEST}, so it is not a bundle. '
            'Make one with "seg export".'
        )
        raise BundleError(msg) from err
    except (OSError, ValueError, RecursionError) as err:
        msg = f'{str(path)!r} cannot be read as JSON: {err}. Export the bundle again.'
        raise BundleError(msg) from err
    if not isinstance(data, dict):
        msg = (
            f'{str(path)!r} holds a {type(data).__name__}; expected an object. '
            'Export the bundle again.'
        )
        raise BundleError(msg)
    return data


def _verify(folder: Path, name: str, expected: str) -> None:
    path = _inside(folder, name)
    if not path.is_file():
        msg = (
            f'Bundle {str(folder)!r} lacks {name!r}, which its manifest lists. '
            'Copy it again as a whole.'
        )
        raise BundleError(msg)
    try:
        got = sha256(path)
    except OSError as err:
        msg = f'{str(path)!r} cannot be read: {err.strerror}. Check who may read it.'
        raise BundleError(msg) from err
    if got != expected:
        msg = (
            f'{name!r} of bundle {str(folder)!r} was altered or damaged: SHA-256 is {got[:12]}…, '
            f'the manifest says {str(expected)[:12]}…. Copy the bundle again, or export it again.'
        )
        raise BundleError(msg)


def _inside(folder: Path, name: str) -> Path:
    """Return the path of a file of the bundle; a name that leaves the folder is refused."""
    if Path(name).name != name or name in ('', '.', '..'):
        msg = f'Bundle {str(folder)!r} lists a file {name!r}; expected a plain file name.'
        raise BundleError(msg)
    return folder / name


def _shipped() -> list[str]:
    try:
        return sorted(path.name for path in share_path('bundles').iterdir() if path.is_dir())
    except ShareError:
        return []
