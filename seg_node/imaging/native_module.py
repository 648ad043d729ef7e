# SPDX-License-Identifier: Apache-2.0
"""The extension in C++, if it is here and of these sources."""

from __future__ import annotations

from functools import cache
from typing import Any

__all__ = ['load_native']


@cache
def load_native(attribute: str, expected: int) -> tuple[Any, str]:
    """Return the extension, or None and why it cannot be used.

    Args:
        attribute: Where the extension says which version of an interface it has, see
            native/module.cpp: each part has one of its own.
        expected: The version that the caller speaks.
    """
    try:
        from seg_node import _native  # type: ignore[attr-defined]  # noqa: PLC0415 - optional
    except ImportError as err:
        return None, (
            f'the extension of seg_node is not here ({err}): install a C++ compiler, then '
            'seg_node again.'
        )
    found = getattr(_native, attribute, None)
    if found != expected:
        return None, (
            f'the extension of seg_node has {attribute} {found}, expected {expected}: it was '
            'built from other sources; install seg_node again.'
        )
    return _native, ''
