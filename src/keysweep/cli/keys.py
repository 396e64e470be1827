"""Single keys from a terminal, without Enter and without an echo; the terminal is left as it was."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import click

from keysweep.cli.interrupt import ENDINGS

END = "\x04"
"""What Ctrl-D, and a terminal that is gone, are told as."""
_MOST_BYTES = 1024


@contextmanager
def ended_gently() -> Iterator[None]:
    """Make of a closed terminal and of a polite kill what Ctrl-C is, so that the terminal is put back."""
    before = [(number, signal.getsignal(number)) for number in ENDINGS]
    for number, handler in before:
        if handler is signal.SIG_DFL:  # ignored, as by nohup, stays ignored
            signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def pressed(prompt: str) -> str:
    """Show `prompt` and wait for one key; what came as several characters, a paste or an arrow, is returned whole.

    Raises KeyboardInterrupt for Ctrl-C.
    """
    try:
        import termios
        import tty
    except ImportError:  # Windows
        click.echo(prompt, err=True, nl=False)
        try:
            return click.getchar()
        except EOFError:
            return END
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor, termios.TCSADRAIN)  # before the question, so that a quick answer is not lost
        click.echo(prompt, err=True, nl=False)
        came = os.read(descriptor, _MOST_BYTES)
    except OSError:  # the terminal is gone
        return END
    finally:
        with suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
    return came.decode("utf-8", "replace") or END


def line(prompt: str) -> str | None:
    """Show `prompt` and wait for a line; None for Ctrl-D, empty for what is no text. Raises KeyboardInterrupt."""
    click.echo(prompt, err=True, nl=False)
    try:
        typed = sys.stdin.readline()
    except UnicodeDecodeError:
        return ""
    except OSError:  # the terminal is gone
        return None
    if not typed:
        click.echo(err=True)
    return typed.strip() if typed else None


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise KeyboardInterrupt
