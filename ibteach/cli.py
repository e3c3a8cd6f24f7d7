"""The command line: what the library does, for those who want to type it. ``ibteach --help`` says what there is."""

import argparse
import importlib.util
import statistics
import sys
from pathlib import Path

import ibteach
from ibteach.errors import DamagedFile, IbteachError, Unavailable

WELCOME = """\
ibteach: the information bottleneck, from the definition of entropy to trained networks.

  ibteach lab                          open the course in JupyterLab
  ibteach data mnist                   fetch a data set once, for every later use
  ibteach data mnist --to /media/stick   the same into a folder to hand round
  ibteach records verify runs/*        see that recorded runs are whole
  ibteach records show FILE            what was measured, and where it comes from
  ibteach badges                       launch badges for your own copy of the course
"""

DATA = """\
Data sets are kept whole, each in one file, which is checked whenever it is used. They are kept in the folder that the
environment variable IBTEACH_DATA names, else in your user cache. Without NAME: what there is, and what is here.

A room without a network: run `ibteach data mnist --to FOLDER`, hand FOLDER round on a stick, and let everyone copy
the file to where `ibteach data` says it is looked for, or set IBTEACH_DATA=FOLDER.
"""

BADGES = """\
Writes badges that open the course on Colab and Binder into README.md and into the first cell of every notebook. The
address comes from pyproject.toml; in a fork, put your own there and run this again:

  [project.urls]
  Repository = "https://github.com/OWNER/REPO"
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one command line; returns the exit status: 0, or 1 with the reason on stderr.

    >>> main(["data", "minst"])
    1
    """
    options = _parser().parse_args(arguments)
    try:
        return options.run(options) or 0
    except IbteachError as error:
        print(f"ibteach: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("ibteach: stopped.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    layout = {"formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = argparse.ArgumentParser("ibteach", description=WELCOME, **layout)
    parser.add_argument("--version", action="version", version=f"ibteach {ibteach.__version__}")
    parser.set_defaults(run=lambda _: parser.print_help())
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    lab = commands.add_parser("lab", help="open the course in JupyterLab")
    lab.add_argument("folder", nargs="?", default="notebooks", help="where the notebooks are (default: ./notebooks)")
    lab.add_argument("--no-browser", action="store_true", help="print the address instead of opening it")
    lab.set_defaults(run=_lab)

    data = commands.add_parser("data", help="fetch data sets, once", description=DATA, **layout)
    data.add_argument("names", nargs="*", metavar="NAME", help="such as mnist; none: list them")
    data.add_argument("--to", metavar="FOLDER", help="keep them there instead")
    data.add_argument("--size", type=int, help="height and width in pixels, of data sets of large pictures")
    data.set_defaults(run=_data)

    records = commands.add_parser("records", help="look at recorded runs")
    actions = records.add_subparsers(metavar="ACTION", required=True)
    for action, run, text in [
        ("show", _show, "what was measured, and where it comes from"),
        ("verify", _verify, "whether files are whole and unchanged"),
    ]:
        command = actions.add_parser(action, help=text, description=f"Say {text}.")
        command.add_argument("files", nargs="+", metavar="FILE", type=Path)
        command.set_defaults(run=run)

    badges = commands.add_parser("badges", help="stamp launch badges", description=BADGES, **layout)
    badges.add_argument("root", nargs="?", default=".", help="a checkout of the course (default: this folder)")
    badges.add_argument("--branch", default="main", help="the branch that the badges open (default: main)")
    badges.set_defaults(run=_badges)
    return parser


def _lab(options):
    folder = Path(options.folder)
    if not any(folder.glob("*.ipynb")):
        raise Unavailable(f"{folder}: has no notebooks. Go to the folder that you cloned, or name its notebooks.")
    if not importlib.util.find_spec("jupyterlab"):
        raise Unavailable('JupyterLab is not installed here: python -m pip install ".[lab]"')
    from jupyterlab.labapp import main as jupyterlab

    return jupyterlab([str(folder), *["--no-browser"] * options.no_browser])


def _data(options):
    from ibteach.checks import known
    from ibteach.learning import data, sources

    for name in options.names:  # all of them, before the first download
        known("data set", name, sources.SOURCES)
    for name in options.names or sources.SOURCES:
        path = data.cached(name, options.to, options.size)
        if not sources.SOURCES[name].files:
            print(f"{name}: comes with scikit-learn, there is nothing to fetch")
        elif options.names:
            print(f"{data.load(name, options.to, options.size)}: {path} ({path.stat().st_size / 1e6:,.0f} MB)")
        else:
            print(f"{name}: {path} ({'there' if path.exists() else 'not there yet'})")


def _show(options):
    from ibteach.learning.records import Record

    for file in options.files:
        record = Record.load(file)
        facts = record.provenance
        print(f"{file}: {record.source}")
        print(f"  {len(record.runs)} runs")
        for key in dict.fromkeys(key for run in record.runs for key in run):
            values = list(dict.fromkeys(run.get(key) for run in record.runs))
            print(f"    {key}: {', '.join(map(str, values[:8]))}{', …' if len(values) > 8 else ''}")
        print(f"  after epoch {record.epochs[-1]} (of {len(record.epochs)} recorded): least, median, most of the runs")
        for name in record.quantities:
            values = sorted(record.value(name).tolist())
            print(f"    {name}: {values[0]:.4g}, {statistics.median(values):.4g}, {values[-1]:.4g}")
        if record.latents is not None:
            _, examples, dimensions = record.latents.shape
            print(f"  latents of {examples} test examples in {dimensions} dimensions")
        for key in ("command", "commit", "versions", "configuration", "seed", "wall_seconds"):
            if facts.get(key) is not None:
                print(f"  {key}: {facts[key]}")


def _verify(options):
    from ibteach.learning.records import Record

    damaged = 0
    for file in options.files:
        try:
            print(f"{file}: whole ({len(Record.load(file).runs)} runs)")
        except (DamagedFile, Unavailable) as error:
            damaged += 1
            print(f"ibteach: {error}", file=sys.stderr)
    return int(damaged > 0)


def _badges(options):
    from ibteach import badges

    changed = badges.stamp(options.root, options.branch)
    print("\n".join(f"{path}: stamped" for path in changed) or "every badge is up to date")


if __name__ == "__main__":
    sys.exit(main())
