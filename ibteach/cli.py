"""The command line: what the library does, for those who want to type it. ``ibteach --help`` says what there is."""

import argparse
import importlib.util
import statistics
import sys
import tempfile
from pathlib import Path

import ibteach
from ibteach.errors import DamagedFile, Diverged, IbteachError, InvalidInput, Unavailable

WELCOME = """\
ibteach: the information bottleneck, from the definition of entropy to trained networks.

  ibteach lab                          open the course in JupyterLab
  ibteach data mnist                   fetch a data set once, for every later use
  ibteach data mnist --to /media/stick   the same into a folder to hand round
  ibteach train digits --out FILE      train networks and record them
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

TRAIN = """\
Trains a network for every combination of objective, γ and seed, all at once, and writes one Record of them, which
`ibteach records show` prints and every explorer draws. Stop it with Ctrl-C: what was trained until then is kept.
"""

FIT = {
    "epochs": int,
    "batch_size": int,
    "learning_rate": float,
    "measure_every": int,
    "subset": int,
    "keep_latents": int,
}
"""What is passed on to `ibteach.learning.training.fit` under the same name; its defaults hold."""

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

    train = commands.add_parser("train", help="train networks and record them", description=TRAIN, **layout)
    train.add_argument("data", metavar="DATA", help="such as digits or mnist")
    train.add_argument("--out", metavar="FILE", type=Path, required=True, help="the Record; must not exist yet")
    runs = train.add_argument_group("networks: one for each combination")
    runs.add_argument("--objective", nargs="+", default=["log-variance"], metavar="NAME")
    runs.add_argument("--gamma", nargs="+", type=float, default=[0.01], help="weights of the surrogate's plain form")
    runs.add_argument("--seed", nargs="+", type=int, default=[0])
    runs.add_argument("--hidden", nargs="*", type=int, default=[64, 64], metavar="WIDTH")
    runs.add_argument("--latent-dimension", type=int, default=2, metavar="K")
    runs.add_argument("--dropout", type=float, default=0.0, metavar="RATE")
    runs.add_argument("--no-noise", dest="noise", action="store_false", help="a latent without zero-entropy noise")
    fit = train.add_argument_group("training and measuring")
    for name, kind in FIT.items():
        fit.add_argument(f"--{name.replace('_', '-')}", type=kind, default=argparse.SUPPRESS, metavar="N")
    fit.add_argument("--information", action="store_true", help="also measure H[Z], I[X;Z], I[Y;Z], …")
    fit.add_argument("--device", help="cuda, mps or cpu (default: the best there is)")
    train.set_defaults(run=_train)

    records = commands.add_parser("records", help="look at recorded runs")
    actions = records.add_subparsers(metavar="ACTION", required=True)
    for action, run, text in [
        ("show", _show, "what was measured, and where it comes from"),
        ("verify", _verify, "whether files are whole and unchanged"),
    ]:
        command = actions.add_parser(action, help=text, description=f"Say {text}.")
        command.add_argument("files", nargs="+", metavar="FILE", type=Path)
        command.set_defaults(run=run)

    remake = actions.add_parser("remake", help="train again what a file holds, and compare")
    remake.add_argument("file", metavar="FILE", type=Path)
    remake.add_argument("--out", metavar="NEW", type=Path, required=True, help="the new Record; must not exist yet")
    remake.add_argument("--device", default="cpu", help="cuda, mps or cpu (default: cpu)")
    remake.set_defaults(run=_remake)

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


def _train(options):
    import functools

    from ibteach.learning import data, networks, training

    _check_new(options.out)
    runs = training.grid(options.objective, gammas=options.gamma, seeds=options.seed)
    dataset = data.load(options.data)
    sizes = {key: getattr(options, key) for key in ("latent_dimension", "hidden", "dropout")}
    make = functools.partial(networks.mlp, dataset.shape, len(dataset.classes), **sizes)
    chosen = {key: getattr(options, key) for key in (*FIT, "information", "noise", "device") if hasattr(options, key)}
    try:
        record = training.fit(training.build(make, runs), dataset, runs, **chosen)
    except Diverged as diverged:
        if diverged.record:
            diverged.record.save(options.out)
            print(f"{options.out}: {diverged.record}: what was measured before")
        raise
    record.save(options.out)
    print(f"{options.out}: {record}")


def _check_new(path):
    """What takes long to make must not fail when it is written, and must not replace what took long to make."""
    if path.exists():
        raise InvalidInput(f"{path}: is there already; choose another name, or remove it first.")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise Unavailable(f"{path.parent}: cannot be written ({error.strerror}); choose another folder.") from error


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


def _remake(options):
    from ibteach.learning import recorded

    record = recorded.Record.load(options.file)
    _check_new(options.out)
    again = recorded.remake(record, device=options.device)
    again.save(options.out)
    name, gap = recorded.largest_difference(record, again)
    print(
        f"{options.out}: " + (f"differs by at most {gap:.2g}, in {name}" if gap else f"equals {options.file} exactly")
    )


def _badges(options):
    from ibteach import badges

    changed = badges.stamp(options.root, options.branch)
    print("\n".join(f"{path}: stamped" for path in changed) or "every badge is up to date")


if __name__ == "__main__":
    sys.exit(main())
