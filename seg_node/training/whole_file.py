# SPDX-License-Identifier: Apache-2.0
"""Files of a run that are there in whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a text file, in the place of an older one.

    Other processes of a run, on other machines too, may read it at any time or write the same, and
    a command may be ended at any time.
    """
    part = path.with_name(f'{path.name}.{uuid4().hex}')
    try:
        part.write_text(text, encoding='utf-8')
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
