# SPDX-License-Identifier: Apache-2.0
"""Named ranges for NVIDIA's profilers, where ``nvtx`` is installed."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import cast

__all__ = ['Stage']

DOMAIN = 'seg_node'


class Stage:
    """Marks what a thread does, one context manager per stage; nothing without ``nvtx``."""

    def __init__(self) -> None:
        """Look for ``nvtx``."""
        try:
            self._annotate = import_module('nvtx').annotate
        except ImportError:
            self._annotate = None

    def __call__(self, name: str) -> AbstractContextManager[object]:
        """Return a range of this name."""
        if self._annotate is None:
            return nullcontext()
        return cast('AbstractContextManager[object]', self._annotate(name, domain=DOMAIN))
