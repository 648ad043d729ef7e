# SPDX-License-Identifier: Apache-2.0
"""The frame around the verbs: choice, help, errors and exit statuses."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from seg_node import __version__
from seg_node.cli import main as main_module
from seg_node.cli.main import main, Verb, VERBS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMAND = """
from seg_node.errors import DatasetError

SUMMARY = 'Echo a word.'

def configure(parser):
    parser.add_argument('word')
    parser.epilog = 'examples:\\n  seg echo hello'

def run(args):
    if args.word == 'mendable':
        raise DatasetError('The data are not there. Bring them.')
    if args.word == 'bug':
        raise RuntimeError('a bug')
    if args.word == 'library':
        import library_that_nobody_has.part
    if args.word == 'own':
        import seg_node.room_that_is_not_there
    if args.word == 'stop':
        raise KeyboardInterrupt
    print(args.word)
    return 7 if args.word == 'seven' else 0
"""


@pytest.fixture(autouse=True)
def _echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install one more verb, and one whose module is not there; restore log levels."""
    (tmp_path / 'echo_command.py').write_text(COMMAND, encoding='utf-8')
    monkeypatch.syspath_prepend(tmp_path)
    verbs = {'echo': Verb('echo_command', 'echoes'), 'later': Verb('later_command', 'to come')}
    monkeypatch.setattr(main_module, 'VERBS', {**VERBS, **verbs})
    yield
    sys.modules.pop('echo_command', None)
    logging.getLogger('seg_node').setLevel(logging.NOTSET)


def test_a_verb_is_run_and_its_status_returned(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['echo', 'seven']) == 7
    assert capsys.readouterr().out == 'seven\n'


def test_an_error_that_can_be_mended_is_one_sentence_and_status_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(['echo', 'mendable']) == 1

    caught = capsys.readouterr()
    assert caught.err == 'seg: error: The data are not there. Bring them.\n'
    assert caught.out == ''


def test_an_absent_library_is_named_with_a_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['echo', 'library']) == 1

    message = capsys.readouterr().err
    assert message.startswith('seg: error: This needs library_that_nobody_has, which is not inst')
    assert 'pip install' in message


def test_an_absent_module_of_our_own_is_a_bug() -> None:
    with pytest.raises(ModuleNotFoundError, match='room_that_is_not_there'):
        main(['echo', 'own'])


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(RuntimeError, match='a bug'):
        main(['echo', 'bug'])


def test_an_interrupt_is_status_130(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['echo', 'stop']) == 130
    assert capsys.readouterr().err == 'seg: interrupted\n'


@pytest.mark.parametrize(
    ('argv', 'words'),
    [
        pytest.param([], 'A verb is missing; expected one of ', id='no-verb'),
        pytest.param(['fly'], "Unknown verb 'fly'; expected one of ", id='unknown-verb'),
        pytest.param(['later'], "Unknown verb 'later'; expected one of ", id='absent-verb'),
        pytest.param(['echo'], 'required: word\nTry "seg echo --help"', id='argument'),
        pytest.param(['--fly'], 'unrecognized arguments: --fly', id='option'),
        pytest.param(['echo', 'a', 'b'], 'unrecognized arguments: b', id='too-many'),
    ],
)
def test_wrong_usage_is_status_2_with_help_nearby(
    argv: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(argv)

    assert caught.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith('seg: error: ')
    assert words in message
    assert '--help"' in message


def test_help_lists_the_verbs_that_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(['--help'])

    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert 'echoes' in text
    assert 'score a bundle' in text
    assert 'later' not in text


def test_help_of_a_verb_ends_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(['echo', '--help'])

    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert 'Echo a word.' in text
    assert text.endswith('examples:\n  seg echo hello\n')


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(['--version'])

    assert capsys.readouterr().out == f'seg_node {__version__}\n'


@pytest.mark.parametrize(
    ('words', 'level'),
    [
        ('echo a', logging.WARNING),
        ('-v echo a', logging.INFO),
        ('echo a --verbose', logging.INFO),
        ('-v echo -v a', logging.DEBUG),
        ('echo -vvvv a', logging.DEBUG),
    ],
)
def test_verbosity_may_stand_before_or_after_the_verb(words: str, level: int) -> None:
    main(words.split())

    assert logging.getLogger('seg_node').level == level


def test_help_is_free_of_everything_heavy() -> None:
    """The list of verbs appears at once: no verb is imported for it, nor numpy, torch or ROS."""
    code = (
        'import json, sys\n'
        'from seg_node.cli.main import main\n'
        'try: main(["--help"])\n'
        'except SystemExit: print(json.dumps(sorted(sys.modules)), file=sys.stderr)'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=True, env=clean()
    )

    loaded = set(json.loads(done.stderr))
    assert loaded.isdisjoint({'numpy', 'cv2', 'torch', 'rclpy', 'onnxruntime', 'yaml'})
    ours = {name for name in loaded if name.startswith('seg_node')}
    assert ours == {'seg_node', 'seg_node.cli', 'seg_node.cli.main', 'seg_node.errors'}


def test_a_reader_who_leaves_early_is_no_error() -> None:
    """As in ``seg ... | head -1``: no traceback, and the status says that the pipe was closed."""
    code = (
        'import sys, time\n'
        'from seg_node.cli import main as m\n'
        'def run(argv):\n'
        '    sys.stdin.readline()\n'
        '    print("x" * 100_000)\n'
        '    return 0\n'
        'm._run = run\n'
        'sys.exit(m.main([]))'
    )
    process = subprocess.Popen(
        [sys.executable, '-c', code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean(),
        text=True,
    )
    assert process.stdout is not None
    process.stdout.close()

    process.stdout = None
    _, message = process.communicate('go\n', timeout=60)

    assert message == ''
    assert process.returncode == 141


def clean() -> dict[str, str]:
    """Return an environment in which the children find the package as the tests do."""
    return {**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)}
