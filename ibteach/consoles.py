"""What the command line writes can be read on any console, and needs no reader to go on.

A Windows console, or a file that output is sent to there, knows some two hundred characters, and γ is not among them:
characters that it does not have are spelt out. A reader such as ``head`` leaves when it has read enough.
"""

import codecs
import contextlib
import errno
import io
import os
import sys
import unicodedata
from collections.abc import Iterator
from typing import Any


def spell_out() -> None:
    """Let stdout and stderr of this process write what their encoding has not as words, instead of raising."""
    codecs.register_error("ibteach.spelt", _spelt)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not where tests or notebooks catch what is written
            stream.reconfigure(errors="ibteach.spelt")


@contextlib.contextmanager
def lasting() -> Iterator[None]:
    """Within it work goes on when nobody reads stdout or stderr any longer; what is written then is lost."""
    with contextlib.redirect_stdout(_Lasting(sys.stdout)), contextlib.redirect_stderr(_Lasting(sys.stderr)):
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()


class _Lasting:
    """A stream that leads nowhere from when on its pipe is closed."""

    def __init__(self, stream: Any):
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        return self._lasting("write", text) or 0

    def flush(self) -> None:
        self._lasting("flush")

    def _lasting(self, what: str, *arguments: str) -> Any:
        if self._stream is None:  # of a process without a console
            return None
        try:
            return getattr(self._stream, what)(*arguments)
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EINVAL):  # the second on Windows
                raise
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())  # also for what it holds still, and Python writes at its end
            os.close(nowhere)


def spelt(text: str) -> str:
    """`text` in ASCII: Greek letters by their names, others by what is like them, and ? for the rest.

    >>> spelt("γ at 10⁻², seen …, I[X;Z] → 0")
    'gamma at 10-2, seen ..., I[X;Z] -> 0'
    """
    return "".join(map(_in_ascii, text))


def _in_ascii(character):
    if character.isascii():
        return character
    if character in LIKE:
        return LIKE[character]
    name = unicodedata.name(character, "")
    if name.startswith("GREEK") and "LETTER" in name:
        word = name.partition("LETTER ")[2].partition(" WITH")[0].lower()
        return word.capitalize() if "CAPITAL" in name else word
    return unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode() or "?"


def _spelt(error):
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return spelt(error.object[error.start : error.end]), error.end


LIKE = {"→": "->", "×": "x", "−": "-", "⁻": "-", "′": "'", "’": "'", "–": "-", "≤": "<=", "≥": ">=", "·": "*", "█": "#"}
