"""What the command line writes can be read on any console: characters that it does not have are spelt out.

A Windows console, or a file that output is sent to there, knows some two hundred characters, and γ is not among them.
"""

import codecs
import io
import sys
import unicodedata


def spell_out() -> None:
    """Let stdout and stderr of this process write what their encoding has not as words, instead of raising."""
    codecs.register_error("ibteach.spelt", _spelt)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not where tests or notebooks catch what is written
            stream.reconfigure(errors="ibteach.spelt")


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
