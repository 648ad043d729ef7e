# SPDX-License-Identifier: Apache-2.0
"""Talking to the process that started this one: events as JSON lines on stdout, words on stdin."""

from __future__ import annotations

import json
import sys
from threading import Event, Thread

__all__ = ['parent_word', 'tell']


def tell(event: str, **details: object) -> None:
    """Write one event, ``{"event": ..., **details}``, as a line on stdout."""
    sys.stdout.write(json.dumps({'event': event, **details}) + '\n')
    sys.stdout.flush()


def parent_word() -> Event:
    """Return an event that is set when a line comes on stdin, or when the parent is gone."""
    heard = Event()

    def listen() -> None:
        sys.stdin.readline()
        heard.set()

    Thread(target=listen, name='parent', daemon=True).start()
    return heard
