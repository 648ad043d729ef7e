# SPDX-License-Identifier: Apache-2.0
"""CRF options as plain data, for JSON and YAML: bundle manifests and recipes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from seg_node.crf.options import BilateralKernel, CrfOptions, GaussianKernel, Kernel
from seg_node.errors import CrfError, one_of

__all__ = ['from_plain', 'to_plain']

KINDS: dict[str, type[Kernel]] = {'gaussian': GaussianKernel, 'bilateral': BilateralKernel}


def to_plain(options: CrfOptions) -> dict[str, Any]:
    """Return plain data for JSON or YAML; the inverse of ``from_plain``.

    Example:
        >>> to_plain(CrfOptions(kernels=(GaussianKernel(3.0, (1.0, 2.0)),)))['kernels']
        [{'kind': 'gaussian', 'sxy': 3.0, 'compat': [1.0, 2.0]}]
    """
    plain = {one.name: getattr(options, one.name) for one in fields(options)}
    return {**plain, 'kernels': [_kernel_to_plain(kernel) for kernel in options.kernels]}


def from_plain(data: Mapping[str, Any]) -> CrfOptions:
    """Read options from plain data; what is left out has its default.

    Args:
        data: Fields of ``CrfOptions`` by name. ``kernels`` is a list of mappings, each with its
            ``kind``, ``gaussian`` or ``bilateral``, and its fields.

    Raises:
        CrfError: If a key is unknown or a value is not valid.
    """
    _check_keys('CRF options', data, CrfOptions)
    values = dict(data)
    if 'kernels' in values:
        values['kernels'] = _kernels(values['kernels'])
    return CrfOptions(**values)


def _kernels(listed: object) -> tuple[Kernel, ...]:
    if not isinstance(listed, (list, tuple)):
        msg = f'CRF kernels is {listed!r}; expected a list.'
        raise CrfError(msg)
    return tuple(_kernel_from_plain(kernel) for kernel in listed)


def _kernel_from_plain(data: object) -> Kernel:
    if not isinstance(data, Mapping) or 'kind' not in data:
        msg = f"CRF kernel is {data!r}; expected its kind and fields: {{'kind': 'gaussian', ...}}."
        raise CrfError(msg)
    values = {key: _tuples(value) for key, value in data.items() if key != 'kind'}
    name = data['kind']
    if not isinstance(name, str) or name not in KINDS:
        raise CrfError(one_of('kind of CRF kernel', name, KINDS))
    _check_keys(f'CRF kernel {name!r}', values, KINDS[name])
    return KINDS[name](**values)


def _kernel_to_plain(kernel: Kernel) -> dict[str, Any]:
    kind = next(name for name, kind in KINDS.items() if isinstance(kernel, kind))
    values = {one.name: _lists(getattr(kernel, one.name)) for one in fields(kernel)}
    return {'kind': kind, **values}


def _check_keys(what: str, data: object, kind: type[CrfOptions | Kernel]) -> None:
    if not isinstance(data, Mapping):
        msg = f'{what} is {data!r}; expected names and values.'
        raise CrfError(msg)
    known = [one.name for one in fields(kind)]
    for name in data:
        if name not in known:
            raise CrfError(one_of(f'field of {what}:', name, known))


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, (list, tuple)) else value


def _lists(value: Any) -> Any:
    return [_lists(item) for item in value] if isinstance(value, tuple) else value
