"""The command line: what the library does, for those who want to type it. ``ibteach --help`` says what there is."""

import argparse
import contextlib
import dataclasses
import difflib
import errno
import importlib.util
import inspect
import re
import statistics
import sys
import tempfile
import typing
from pathlib import Path

import ibteach
from ibteach import consoles
from ibteach.errors import DamagedFile, Diverged, IbteachError, InvalidInput, Unavailable, UnknownName

WELCOME = """\
ibteach: the information bottleneck, from the definition of entropy to trained networks.

  ibteach lab                          open the course in JupyterLab
  ibteach data mnist                   fetch a data set once, for every later use
  ibteach data mnist --to /media/stick   the same into a folder to hand round
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
Opens the course in JupyterLab. Options that follow and are not of `ibteach lab` go to JupyterLab as they are, such as
`ibteach lab notebooks --port 9999`; `jupyter lab --help` lists them.
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

TRAIN = """\
Trains a network for every combination of objective, γ and seed, all at once, and writes one Record of them, which
`ibteach records show` prints and every explorer draws. Stop it with Ctrl-C: what was trained until then is kept.

  ibteach train digits --objective l2 log-variance --gamma 0.001 0.01 0.1 --epochs 20 --out digits.safetensors

DATA may be a folder of pictures of your own, with train/CLASS/*.jpg and test/CLASS/*.jpg in it:

  ibteach train photos/pets --size 32 --network convnet --epochs 20 --out pets.safetensors
"""

SWEEP = """\
Trains a network for every combination of data set, objective, γ and seed: small ones of a seed together, up to 16,
large ones one by one.
Each leaves its Record and its trained network in FOLDER, named by all that they depend on. What is there is never
trained again: stop with Ctrl-C, or lose power, and the same command goes on where it was; add a seed, and only that
seed is trained.

  ibteach sweep cifar10 --network resnet --width 16 --objective l2 log-variance --gamma 0.001 0.01 0.1 --seed 0 1 2 \\
      --augment flip shift --epochs 20 --folder runs/cifar10 --workers 2 --out cifar10.safetensors

Several machines, with Dask (pip install "ibteach[cluster]" on each) and a FOLDER that all of them see: run `dask
scheduler` on one, `dask worker ADDRESS --nthreads 1` on each, and this with --scheduler ADDRESS. When a worker dies,
another takes over its network. All of it on one machine is `--scheduler tcp://127.0.0.1:8786` and

  dask scheduler --host 127.0.0.1 --port 8786 &
  dask worker tcp://127.0.0.1:8786 --nworkers 2 --nthreads 1 &
"""

NETWORK = {
    "network": (str, "mlp, convnet or resnet (default: mlp)"),
    "hidden": (tuple[int, ...], "widths of the hidden layers of an mlp"),
    "width": (int, "channels of the first convolution"),
    "norm": (str, "batch or group, in a resnet"),
    "latent_dimension": (int, "of the bottleneck, where the noise is added"),
    "dropout": (float, "share of units left out at random, in an mlp or convnet"),
}
"""What an `architecture` of `ibteach.networks.bottleneck` says: key -> type, help."""

OF_LAB = {"-h", "--help", "--no-browser"}

OF_DATA = "such as digits or mnist, or a folder of pictures of your own"
RECORD = "a Record, or the name of one that `ibteach records list` prints"

LIST = """\
Lists the Records that come with the package, by the name that `ibteach records show` and
`ibteach.records.load` take, and those in each FOLDER.
"""

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

SITE = """\
Makes the whole course a static website: every chapter a page, run while it is built, its figures live without a kernel.
It asks no other host for anything; look at it with

  ibteach site build --out site && python -m http.server --directory site

What did not change since the last time is not run again. The old site stays until the new one is whole.
"""


SLIDES = """\
Makes a deck of each chapter, from the same cells as its page: question, predictions, live figures, equations, answers,
and what to say in the speaker's notes. It needs no network; arrow keys turn the pages, and move a slider that has the
focus; S opens the speaker's view, and an address that ends with ?print-pdf prints to PDF.

  ibteach site slides --out decks --chapters 05 && python -m http.server --directory decks
"""

HANDOUT = """\
Writes the exercises of each chapter as notebooks, without solutions into students/ and with them into lecturers/, and
each chapter as PDF into chapters/, which takes Chromium. Nothing is run.

  ibteach site handout --out handout --chapters 01 02
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one command line; returns the exit status: 0, or 1 with the reason on stderr.

    >>> main(["data", "minst"])
    1
    """
    consoles.spell_out()
    arguments, passed_on = _for_jupyter(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(arguments, argparse.Namespace(passed_on=passed_on))
    try:
        return options.run(options) or 0
    except IbteachError as error:
        print(f"ibteach: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        print(f"ibteach: {str(error.filename)[:80]}…: {error.strerror}; choose a shorter one.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("ibteach: stopped.", file=sys.stderr)
        return 130


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
    _add_pictures(data)
    data.set_defaults(run=_data)

    train = commands.add_parser(
        "train", help="train networks and record them", description=TRAIN, later=_add_training, **layout
    )
    train.add_argument("data", metavar="DATA", help=OF_DATA)
    train.add_argument("--out", metavar="FILE", type=Path, required=True, help="the Record; must not exist yet")
    train.add_argument("--checkpoint", metavar="FILE", help="kept up to date; if it is there, training goes on from it")
    train.set_defaults(run=_train)

    sweep = commands.add_parser(
        "sweep", help="train many networks, anywhere", description=SWEEP, later=_add_training, **layout
    )
    sweep.add_argument("data", metavar="DATA", nargs="+", help=OF_DATA)
    sweep.add_argument("--folder", type=Path, required=True, help="where the Records are kept")
    sweep.add_argument("--out", metavar="FILE", type=Path, help="also join them in one Record; must not exist yet")
    where = sweep.add_mutually_exclusive_group()
    where.add_argument("--workers", type=int, metavar="N", help="on N processes here, which share the cores")
    where.add_argument("--scheduler", metavar="ADDRESS", help="on the workers of this Dask scheduler")
    sweep.set_defaults(run=_sweep)

    records = commands.add_parser("records", help="look at recorded runs")
    actions = records.add_subparsers(metavar="ACTION", required=True)
    for action, run, many, text in [
        ("show", _show, "+", "what was measured, and where it comes from"),
        ("verify", _verify, "*", "whether files are whole and unchanged; without FILE all that come with the package"),
    ]:
        command = actions.add_parser(action, help=text, description=f"Say {text}.")
        command.add_argument("files", nargs=many, metavar="FILE", help=RECORD)
        command.set_defaults(run=run)

    listed = actions.add_parser("list", help="what was recorded already", description=LIST, **layout)
    listed.add_argument("folders", nargs="*", metavar="FOLDER", type=Path, help="with Records, such as a sweep's")
    listed.set_defaults(run=_list)

    remake = actions.add_parser("remake", help="train again what a file holds, and compare")
    remake.add_argument("file", metavar="FILE", help=RECORD)
    remake.add_argument("--out", metavar="NEW", type=Path, required=True, help="the new Record; must not exist yet")
    remake.add_argument("--data", metavar="FOLDER", help="the pictures, of a Record that was made of your own")
    _add_pictures(remake)
    remake.add_argument("--device", default="cpu", help="cuda, mps or cpu (default: cpu)")
    remake.set_defaults(run=_remake)

    site = commands.add_parser("site", help="the course as a website", description=SITE, **layout)
    made = site.add_subparsers(metavar="ACTION", required=True)
    built = made.add_parser("build", help="make the website", description=SITE, **layout)
    built.add_argument("--out", metavar="FOLDER", required=True, help="empty, new, or an older site, which is replaced")
    built.add_argument("--root", default=".", help="a checkout of the course (default: this folder)")
    built.add_argument("--chapters", nargs="+", metavar="NUMBER", help="such as 01 05 (default: all)")
    built.add_argument("--cache", metavar="FOLDER", help="what was run before (default: in your user cache)")
    built.add_argument("--workers", type=int, metavar="N", help="chapters that run at a time (default: one per core)")
    built.set_defaults(run=_site_build)
    decks = made.add_parser("slides", help="a deck of slides for each chapter", description=SLIDES, **layout)
    decks.add_argument("--out", metavar="FOLDER", required=True, help="empty, new, or older slides, which are replaced")
    decks.add_argument("--root", default=".", help="a checkout of the course (default: this folder)")
    decks.add_argument("--chapters", nargs="+", metavar="NUMBER", help="such as 01 05 (default: all)")
    decks.add_argument("--cache", metavar="FOLDER", help="what was run before (default: in your user cache)")
    decks.add_argument("--workers", type=int, metavar="N", help="chapters that run at a time (default: one per core)")
    decks.set_defaults(run=_site_slides)
    sheets = made.add_parser(
        "handout", help="exercises without and with solutions, and PDF", description=HANDOUT, **layout
    )
    sheets.add_argument("--out", metavar="FOLDER", required=True, help="a new one, or an older handout's")
    sheets.add_argument("--root", default=".", help="a checkout of the course (default: this folder)")
    sheets.add_argument("--chapters", nargs="+", metavar="NUMBER", help="such as 01 05 (default: all)")
    sheets.add_argument("--no-pdf", action="store_true", help="notebooks alone")
    sheets.set_defaults(run=_site_handout)

    badges = commands.add_parser("badges", help="stamp launch badges", description=BADGES, **layout)
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


def _add_training(command):
    """The options of everything that trains: runs, a network, and each field of `Settings`."""
    from ibteach.networks.bottleneck import NETWORKS
    from ibteach.training import Settings
    from ibteach.training.recipes import RECIPES

    runs = command.add_argument_group("networks: one for each combination of")
    runs.add_argument(
        "--objective",
        nargs="+",
        default=["log-variance"],
        metavar="NAME",
        help="a wrong one lists all (default: log-variance)",
    )
    runs.add_argument(
        "--gamma", nargs="+", type=float, default=[0.01], help="weights of the surrogate's plain form (default: 0.01)"
    )
    runs.add_argument("--seed", nargs="+", type=int, default=[0], help="of parameters, order, noise, … (default: 0)")
    made = command.add_argument_group("made so")
    for name, (kind, text) in NETWORK.items():
        defaults = {kind: inspect.signature(build).parameters.get(name) for kind, build in NETWORKS.items()}
        said = ", ".join(
            f"{kind} {_shown(of.default)}" for kind, of in defaults.items() if of and of.default is not None
        )
        _add_option(made, name, kind, text, said)
    _add_pictures(command.add_argument_group("of large pictures, and of your own"))
    trained = command.add_argument_group("trained and measured so")
    trained.add_argument(
        "--recipe",
        metavar="NAME",
        help=f"network and settings of that name, where nothing else is said: {', '.join(RECIPES)}",
    )
    types = typing.get_type_hints(Settings)
    for field in dataclasses.fields(Settings):
        default = "" if field.default is None else _shown(field.default)
        _add_option(trained, field.name, types[field.name], field.metadata["help"], default)
    trained.add_argument("--device", help="cuda, mps or cpu (default: the best there is)")


def _add_pictures(group):
    """The options of data sets that are read from picture files."""
    group.add_argument("--size", type=int, metavar="N", help="height and width, pixels (default: 96)")
    group.add_argument("--convert", action="store_true", help="make RGB of grey and transparent pictures (default: no)")
    group.add_argument("--skip", action="store_true", help="leave out pictures that cannot be used (default: no)")


def _pictures(options):
    return {name: getattr(options, name) for name in ("size", "convert", "skip")}


def _add_option(group, name, kind, text, default):
    """One option; without it, nothing is set, and the library's default holds."""
    text = (f"{text} (default: {default})" if default else text).replace("%", "%%")
    how = {"help": text, "default": argparse.SUPPRESS}
    if kind is bool:
        group.add_argument(_option(name), action=argparse.BooleanOptionalAction, **how)
        return
    several, of = ... in typing.get_args(kind), (*typing.get_args(kind), kind)[0]  # tuple[int, ...], int | None, int
    metavar = {int: "N", float: "X", str: "NAME"}[of]
    group.add_argument(_option(name), type=of, nargs="*" if several else None, metavar=metavar, **how)


def _shown(value):
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _option(name):
    return "--" + name.replace("_", "-")


def _jobs(options, data, **how):
    from ibteach import checks
    from ibteach.data import load
    from ibteach.training import loop, sweeps
    from ibteach.training.recipes import RECIPES, recipe
    from ibteach.training.settings import NAMES

    def given(names):
        return {name: getattr(options, name) for name in names if hasattr(options, name)}

    runs = loop.grid(options.objective, gammas=options.gamma, seeds=options.seed)
    architecture, settings = {"network": "mlp"}, None
    if options.recipe:
        checks.known("recipe", options.recipe, RECIPES)  # before any data are read
        settings = recipe(options.recipe, load(data, **_pictures(options)))
        architecture = RECIPES[options.recipe].network
    architecture = {**architecture, **given(NETWORK)}
    return sweeps.plan(data, architecture, runs, settings, **_pictures(options), **given(NAMES), **how)


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
            print(data.load(name, options.to, **_pictures(options)))
            continue
        path = data.cached(name, options.to, options.size)
        if not sources.SOURCES[name].files:
            print(f"{name}: comes with scikit-learn, there is nothing to fetch")
        elif options.names:
            print(f"{data.load(name, options.to, **_pictures(options))}: {path} ({path.stat().st_size / 1e6:,.0f} MB)")
        else:
            print(f"{name}: {path} ({'there' if path.exists() else 'not there yet'})")


def _train(options):
    from ibteach import checks
    from ibteach.training import sweeps

    _check_new(options.out)
    job, *others = _jobs(options, options.data, together=checks.LARGEST)
    if others:
        raise InvalidInput(f"train: got {len(others) + 1} networks that train one by one; do it with `ibteach sweep`.")
    try:
        record, *_ = sweeps.train(job, device=options.device, checkpoint=options.checkpoint)
    except Diverged as diverged:
        if diverged.record:
            of = "what was measured before" if diverged.record.latents is None else "the networks that went on"
            print(f"{_keep(diverged.record, options.out)}: {diverged.record}: {of}")
        raise
    print(f"{_keep(record, options.out)}: {record}")


def _sweep(options):
    from ibteach.records.record import concatenate
    from ibteach.training import executors, sweeps

    if options.out:
        _check_new(options.out)
        if len(options.data) > 1:
            raise InvalidInput(f"--out: got {len(options.data)} data sets, expected one: a Record is of one data set.")
    jobs = [job for data in options.data for job in _jobs(options, data)]
    if options.workers is not None:
        workers = executors.processes(options.workers)
    elif options.scheduler:
        workers = executors.cluster(options.scheduler)
    else:
        workers = contextlib.nullcontext()
    with workers as executor:
        records = sweeps.run(jobs, options.folder, executor, device=options.device)
    print(f"{options.folder}: {len(records)} Records; `ibteach records list {options.folder}` shows them")
    if options.out:
        joined = concatenate(records)
        print(f"{_keep(joined, options.out)}: {joined}")


def _check_new(path):
    """What takes long to make must not fail when it is written, and must not replace what took long to make."""
    from ibteach import files

    files.check_writable(path)
    if path.exists():
        raise InvalidInput(f"{path}: is there already; choose another name, or remove it first.")


def _keep(record, path):
    """Save what took long to make: where it cannot be written any more, among the temporary files. Returns where."""
    try:
        record.save(path)
    except Unavailable as error:
        elsewhere = Path(tempfile.mkdtemp(prefix="ibteach-")) / path.name
        record.save(elsewhere)
        print(f"ibteach: {error} It is kept in {elsewhere} instead.", file=sys.stderr)
        return elsewhere
    return path


def _show(options):
    from ibteach import records

    for file in options.files:
        record = records.load(file)
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


def _list(options):
    from ibteach import records

    for name in records.names():
        print(f"{name}: {records.load(name)}")
    damaged = 0
    for folder in options.folders:
        if not folder.is_dir():
            raise Unavailable(f"{folder}: is no folder; name one that holds Records.")
        for file in sorted(folder.glob("*.safetensors")):
            if file.suffixes[-2:] == [".network", ".safetensors"]:
                continue
            try:
                print(f"{file}: {records.load(file)}")
            except DamagedFile as error:
                damaged += 1
                print(f"ibteach: {error}", file=sys.stderr)
    return int(damaged > 0)


def _verify(options):
    from ibteach import records
    from ibteach.records.provenance import other_seeds

    damaged = 0
    for file in options.files or records.names():
        try:
            record = records.load(file)
            print("; ".join(filter(None, [f"{file}: whole ({len(record.runs)} runs)", other_seeds(record.provenance)])))
        except (DamagedFile, Unavailable, UnknownName) as error:
            damaged += 1
            print(f"ibteach: {error}", file=sys.stderr)
    return int(damaged > 0)


def _remake(options):
    from ibteach import data, records
    from ibteach.records.provenance import other_seeds
    from ibteach.training.remake import largest_difference, remake

    record = records.load(options.file)
    _check_new(options.out)
    if said := other_seeds(record.provenance):
        print(f"{options.file}: {said}")
    dataset = data.load(options.data, **_pictures(options)) if options.data else None
    again = remake(record, dataset, device=options.device)
    out = _keep(again, options.out)
    name, gap = largest_difference(record, again)
    print(f"{out}: " + (f"differs by at most {gap:.2g}, in {name}" if gap else f"equals {options.file} exactly"))


def _site_build(options):
    from ibteach import site

    out = site.build(options.out, options.root, options.chapters, options.cache, options.workers)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(f"{out}: {size / 1e6:.0f} MB; look at it with python -m http.server --directory {out}")


def _site_slides(options):
    from ibteach import site

    out = site.build_slides(options.out, options.root, options.chapters, options.cache, options.workers)
    print(f"{out}: look at it with python -m http.server --directory {out}, in its folder slides")


def _site_handout(options):
    from ibteach.site import handout

    for path in handout.build(options.out, options.root, options.chapters, paper=not options.no_pdf):
        print(path)


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
