# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium that opens pages from disk, spoken to through a pipe.

The words are those of the Chrome DevTools protocol; nothing but the standard library is needed.
"""

from __future__ import annotations

import base64
from contextlib import contextmanager
import json
import os
import selectors
import shutil
import subprocess
import tempfile
import time
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ['CHROMIUM', 'Page', 'open_page']

NAMES = ('chromium', 'chromium-browser', 'google-chrome')
CHROMIUM = next((path for path in map(shutil.which, NAMES) if path), None)
TIMEOUT_S = 60.0
ARGUMENTS = (
    '--headless',
    '--no-sandbox',  # root has none
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--no-first-run',
    '--remote-debugging-pipe',
)
# Chromium reads from 3 and writes to 4; "$1" and "$2" are the ends that it was given.
WRAPPER = 'in=$1; out=$2; shift 2; exec "$@" 3<&$in 4>&$out'


class Page:
    """An open page.

    Attributes:
        complaints: What went to the console, and errors that nobody caught.
        requests: Addresses that the page asked for, beside itself and what it carries in itself.
    """

    def __init__(self, into: int, out: int) -> None:
        """Speak through two ends of pipes."""
        self._into, self._out = into, out
        self._selector = selectors.DefaultSelector()
        self._selector.register(out, selectors.EVENT_READ)
        self._rest = b''
        self._number = 0
        self._session = ''
        self._address = ''
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self._loaded = False

    def open(self, file: Path, width: int, mode: str) -> None:
        """Open a file and wait until all of it is there.

        Args:
            file: The page.
            width: Of the window [px].
            mode: ``'light'`` or ``'dark'``.
        """
        target = self.ask('Target.createTarget', url='about:blank')['targetId']
        attached = self.ask('Target.attachToTarget', targetId=target, flatten=True)
        self._session = attached['sessionId']
        for part in ('Page', 'Runtime', 'Log', 'Network'):
            self.ask(f'{part}.enable')
        self.ask(
            'Emulation.setDeviceMetricsOverride',
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=False,
        )
        features = [{'name': 'prefers-color-scheme', 'value': mode}]
        self.ask('Emulation.setEmulatedMedia', features=features)
        self._address = file.resolve().as_uri()
        self._loaded = False
        self.ask('Page.navigate', url=self._address)
        while not self._loaded:
            self._take()

    def evaluate(self, script: str) -> Any:
        """Return what a piece of JavaScript gives."""
        found = self.ask('Runtime.evaluate', expression=script, returnByValue=True)
        assert 'exceptionDetails' not in found, found
        return found['result'].get('value')

    def picture(self) -> bytes:
        """Return the whole page as PNG."""
        found = self.ask('Page.captureScreenshot', captureBeyondViewport=True)
        return base64.b64decode(found['data'])

    def ask(self, method: str, **params: Any) -> Any:
        """Send a command and return its result."""
        self._number += 1
        command = {'id': self._number, 'method': method, 'params': params}
        if self._session:
            command['sessionId'] = self._session
        os.write(self._into, json.dumps(command).encode() + b'\0')
        while (answer := self._take()).get('id') != self._number:
            pass
        assert 'error' not in answer, answer
        return answer['result']

    def _take(self) -> dict[str, Any]:
        """Return the next message, and note what it tells of the page."""
        deadline = time.monotonic() + TIMEOUT_S
        while b'\0' not in self._rest:
            assert time.monotonic() < deadline, f'Chromium said nothing within {TIMEOUT_S} s.'
            if self._selector.select(1.0):
                found = os.read(self._out, 1 << 16)
                assert found, 'Chromium is gone.'
                self._rest += found
        line, _, self._rest = self._rest.partition(b'\0')
        message: dict[str, Any] = json.loads(line)
        self._note(message.get('method', ''), message.get('params', {}))
        return message

    def _note(self, method: str, about: dict[str, Any]) -> None:
        if method in ('Runtime.exceptionThrown', 'Runtime.consoleAPICalled', 'Log.entryAdded'):
            self.complaints.append(json.dumps(about))
        elif method == 'Page.loadEventFired':
            self._loaded = True
        elif method == 'Network.requestWillBeSent':
            address = about['request']['url']
            if address != self._address and not address.startswith('data:'):
                self.requests.append(address)


@contextmanager
def open_page(file: Path, width: int = 1280, mode: str = 'light') -> Iterator[Page]:
    """Open a page in a fresh Chromium, which is ended afterwards."""
    assert CHROMIUM is not None
    to_read, into = os.pipe()
    out, to_write = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [CHROMIUM, *ARGUMENTS, f'--user-data-dir={profile}']
        process = subprocess.Popen(
            ['bash', '-c', WRAPPER, 'bash', str(to_read), str(to_write), *command],  # noqa: S607
            pass_fds=(to_read, to_write),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        try:
            page = Page(into, out)
            page.open(file, width, mode)
            yield page
        finally:
            process.terminate()
            process.wait(TIMEOUT_S)
            os.close(into)
            os.close(out)
