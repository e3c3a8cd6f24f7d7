"""The command line: what the library does, for those who want to type it. ``ibteach --help`` says what there is."""

import argparse
import difflib
import errno
import importlib.util
import re
import sys
import typing
from pathlib import Path

import ibteach
from ibteach import consoles
from ibteach.commands import records, site, training
from ibteach.commands.outputs import add_pictures, pictures
from ibteach.errors import IbteachError, Unavailable
from ibteach.training.interrupts import StopButton

WELCOME = """\
ibteach: the information bottleneck, from the definition of entropy to trained networks.

  ibteach lab                          open the course in JupyterLab
  ibteach data mnist                   fetch a data set once, for every later use
  ibteach data mnist --to FOLDER       the same into a folder to hand round
  ibteach train digits --out FILE      train networks and record them
  ibteach sweep mnist --folder FOLDER  train many, on many processes or machines, and go on after a stop
  ibteach records list                 what was recorded already
  ibteach records show FILE            what was measured, and where it comes from
  ibteach site build --out FOLDER      the course as a website
  ibteach site slides --out FOLDER     a deck of slides for each chapter
  ibteach site handout --out FOLDER    exercises without solutions and with them, and chapters as PDF
  ibteach badges                       launch badges for your own copy of the course
"""

LAB = """\
Opens the course in JupyterLab. The first option that is not listed below, and all after it, go to JupyterLab as they
are, as in `ibteach lab notebooks --port 9999`; `jupyter lab --help` lists them.
"""

DATA = """\
Data sets are kept whole, each in one file, which is checked whenever it is used. They are kept in the folder that the
environment variable IBTEACH_DATA names, else in your user cache. Without NAME: what there is, and what is here.

A folder of pictures of your own, with train/CLASS/*.jpg and test/CLASS/*.jpg in it, may stand for NAME here and
wherever networks are trained: `ibteach data photos/pets --size 64` looks at every picture, says what is wrong, and
keeps the data set.

A room without a network: run `ibteach data mnist --to FOLDER`, hand FOLDER round on a stick, and let everyone copy
the file to where `ibteach data` says it is looked for, or set IBTEACH_DATA=FOLDER.
"""

OF_LAB = {"-h", "--help", "--no-browser"}

BADGES = """\
Writes badges that open the course on Colab and Binder into README.md and into the first cell of every notebook, and
below them a cell that installs the course on Colab, at a tag, and does nothing elsewhere. The addresses come from
pyproject.toml; in a fork, put your own there and run this again:

  [project.urls]
  Repository = "https://github.com/OWNER/REPO"

Binder builds an image of the course, anew at every commit. Let it build another repository instead, and pull the
notebooks into it: `ibteach badges --environment FOLDER` writes that one's files, and once they lie at an address of
their own, this line makes the badges lead there:

  Environment = "https://github.com/OWNER/ENVIRONMENT"
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one command line; returns the exit status: 0, or 1 with the reason on stderr.

    >>> main(["data", "minst"])
    1
    """
    consoles.spell_out()
    with consoles.lasting():
        try:
            arguments, passed_on = _for_jupyter(sys.argv[1:] if arguments is None else arguments)
            with StopButton() as stop:  # torch and NumPy do not bear an interrupt while they are imported
                options = _parser().parse_args(arguments, argparse.Namespace(passed_on=passed_on))
            if stop.asked:
                raise KeyboardInterrupt
            return options.run(options) or 0
        except IbteachError as error:
            print(f"ibteach: {error}", file=sys.stderr)
            return 1
        except OSError as error:
            if error.filename is None:
                raise
            print(f"ibteach: {_refused(error)}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("ibteach: stopped.", file=sys.stderr)
            return 130


def _refused(error: OSError) -> str:
    """What the system says of a file or folder, and what to do."""
    name, long = str(error.filename), error.errno == errno.ENAMETOOLONG
    remedy = "choose a shorter one" if long else "choose another, or see that it can be read and written"
    return f"{name[:80] + '…' if long else name}: {error.strerror or error}; {remedy}."


def _parser() -> argparse.ArgumentParser:
    layout: dict[str, typing.Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = _Parser("ibteach", description=WELCOME, **layout)
    parser.add_argument("--version", action="version", version=f"ibteach {ibteach.__version__}")
    parser.set_defaults(run=lambda _: parser.print_help())
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=_Parser)

    lab = commands.add_parser("lab", help="open the course in JupyterLab", description=LAB, **layout)
    lab.add_argument("folder", nargs="?", default="notebooks", help="where the notebooks are (default: ./notebooks)")
    lab.add_argument("--no-browser", action="store_true", help="print the address instead of opening it")
    lab.set_defaults(run=_lab)

    data = commands.add_parser("data", help="fetch data sets, once", description=DATA, **layout)
    data.add_argument("names", nargs="*", metavar="NAME", help="such as mnist, or a folder; none: list them")
    data.add_argument("--to", metavar="FOLDER", help="keep them there instead")
    add_pictures(data)
    data.set_defaults(run=_data)

    training.add(commands, **layout)
    records.add(commands, **layout)
    site.add(commands, **layout)

    badges = commands.add_parser("badges", help="write badges that launch the course", description=BADGES, **layout)
    badges.add_argument("root", nargs="?", default=".", help="a checkout of the course (default: this folder)")
    badges.add_argument("--branch", default="main", help="the branch that the badges open (default: main)")
    badges.add_argument("--tag", help="what is installed there (default: v and this version)")
    badges.add_argument("--environment", metavar="FOLDER", type=Path, help="write what Binder builds there, no badges")
    badges.set_defaults(run=_badges)
    return parser


class _Parser(argparse.ArgumentParser):
    """A parser that names what is nearest to a wrong word, and is given its last options when it is used.

    Those of training come with torch, which takes long.
    """

    def __init__(self, *arguments, later=None, **options):
        super().__init__(*arguments, **options)
        self._later, self._given = later, []

    def parse_known_args(self, args=None, namespace=None):
        self._given = sys.argv[1:] if args is None else list(args)
        if self._later:
            self._later(self)
            self._later = None
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> typing.NoReturn:
        wrong = re.search(r"invalid choice: '([^']*)'|unrecognized arguments: ([^\s=]+)", message)
        asked, words = [wrong[1] or wrong[2]] if wrong else list(self._unknown()), self._words()
        for one in asked:
            if near := difflib.get_close_matches(one, words, n=1):
                came = "" if wrong else f"; got {one!r}"
                message += f"{came}; did you mean {near[0]!r}?"
                break
        super().error(message)

    def _unknown(self) -> typing.Iterator[str]:
        """Options that came and are none of its own, which argparse does not say where it misses another."""
        for one in self._given:
            name = one.partition("=")[0]
            if name.startswith("--") and not any(own.startswith(name) for own in self._option_string_actions):
                yield name

    def _words(self) -> list[str]:
        """Its commands and its options, and those of its commands."""
        words = list(self._option_string_actions)
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                for name, command in action.choices.items():
                    words += [name, *command._words()]
        return words


def _for_jupyter(arguments):
    """The arguments of ours, and those that `ibteach lab` passes on: from the first option on that is none of ours."""
    options = [place for place, one in enumerate(arguments) if one.startswith("-") and one not in OF_LAB]
    end = options[0] if arguments[:1] == ["lab"] and options else len(arguments)
    return arguments[:end], arguments[end:]


def _lab(options):
    folder = Path(options.folder)
    if not any(folder.glob("*.ipynb")):
        raise Unavailable(f"{folder}: has no notebooks. Go to the folder that you cloned, or name its notebooks.")
    if not importlib.util.find_spec("jupyterlab"):
        raise Unavailable('JupyterLab is not installed here: python -m pip install ".[lab]"')
    from jupyterlab.labapp import main as jupyterlab

    return jupyterlab([str(folder), *["--no-browser"] * options.no_browser, *options.passed_on])


def _data(options):
    from ibteach import data
    from ibteach.checks import known
    from ibteach.data import datasets, sources

    for name in options.names:  # all of them, before the first download
        if not datasets.is_folder(name):
            known("data set", name, sources.SOURCES)
    for name in options.names or sources.SOURCES:
        if datasets.is_folder(name):
            print(data.load(name, options.to, **pictures(options)))
            continue
        path = data.cached(name, options.to, options.size)
        if not sources.SOURCES[name].files:
            print(f"{name}: comes with scikit-learn, there is nothing to fetch")
        elif options.names:
            print(f"{data.load(name, options.to, **pictures(options))}: {path} ({path.stat().st_size / 1e6:,.0f} MB)")
        else:
            print(f"{name}: {path} ({'there' if path.exists() else 'not there yet'})")


def _badges(options):
    from ibteach import badges, launches

    of = launches.addresses(options.root, options.branch, options.tag)
    if options.environment:
        changed, done = launches.write_environment(options.environment, options.root, of), "written"
    else:
        changed, done = badges.stamp(options.root, options.branch, options.tag), "stamped"
    print("\n".join(f"{path}: {done}" for path in changed) or "every launch is up to date")
    print(f"What is installed is the tag {of.tag} of {of.repository}: it has to be there.")


if __name__ == "__main__":
    sys.exit(main())
