"""The errors this package raises: each says what came, what was expected, and what to do.

Every one is an `IbteachError`, and also the built-in error that fits it, so that code written without this
package in mind catches what it expects to catch.
"""

from typing import Any

LONGEST = 2000  # characters of a message


class IbteachError(Exception):
    """Base of every error that this package raises on purpose.

    A message that repeats what came is cut in its middle where that is long, so that what to do stays in sight.
    """

    def __str__(self) -> str:
        text = super().__str__()
        return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"


class InvalidInput(IbteachError, ValueError):
    """An argument has the wrong shape, type or value; nothing was computed and nothing was written."""


class UnknownName(InvalidInput):
    """A name that is not in a table: the message lists the nearest known one."""


class DamagedFile(IbteachError, OSError):
    """A file is truncated, was changed, or is of another version: nothing of it was used."""


class Unavailable(IbteachError, RuntimeError):
    """Something outside this process is missing (a download, a device, a disk that can be written)."""


class Diverged(IbteachError, FloatingPointError):
    """A loss is no longer a finite number; the message says of which network, which term and when.

    `record` holds the networks of the same ensemble that went on to the end; where none did, what was measured of all
    before.
    """

    record: Any = None


class Incomplete(IbteachError, RuntimeError):
    """Some runs of a sweep failed; the others are kept, and are not trained again.

    `failures` holds what was raised for each run that failed, by the name that its file would have.
    """

    def __init__(self, message: str, failures: dict[str, Exception]):
        super().__init__(message)
        self.failures = failures

    def __reduce__(self):  # from one process to another
        return type(self), (*self.args, self.failures)


class BuildFailed(IbteachError, RuntimeError):
    """A chapter fails while a site is made of it, or its pages cannot be made; the site that was there stays whole."""


class NotConverged(UserWarning):
    """A solver stopped at its iteration limit; its result says how far it was."""
