"""`ibteach records`: what was recorded, whether it is whole, and the same trained again."""

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

from ibteach.commands.outputs import add_pictures, check_new, keep, pictures
from ibteach.errors import DamagedFile, Unavailable, UnknownName

RECORD = "a Record, or the name of one that `ibteach records list` prints"

UNREADABLE = (DamagedFile, Unavailable, UnknownName)

REMAKE = """\
Trains the networks of FILE again by the settings that it holds, and says by how much NEW differs from it: on the same
machine, with the same versions, not at all.
"""

LIST = """\
Lists the Records that come with the package, by the name that `ibteach records show` and
`ibteach.records.load` take, and those in each FOLDER.
"""


def add(commands: Any, **layout: Any) -> None:
    """The command and its actions."""
    records = commands.add_parser("records", help="look at recorded runs")
    actions = records.add_subparsers(metavar="ACTION", required=True)
    for action, run, many, text in [
        ("show", show, "+", "what was measured, and where it comes from"),
        ("verify", verify, "*", "whether files are whole and unchanged; without FILE all that come with the package"),
    ]:
        command = actions.add_parser(action, help=text, description=f"Says {text}.")
        command.add_argument("files", nargs=many, metavar="FILE", help=RECORD)
        command.set_defaults(run=run)

    listing = actions.add_parser("list", help="what was recorded already", description=LIST, **layout)
    listing.add_argument("folders", nargs="*", metavar="FOLDER", type=Path, help="with Records, such as a sweep's")
    listing.set_defaults(run=listed)

    remaking = actions.add_parser(
        "remake", help="train again what a file holds, and compare", description=REMAKE, **layout
    )
    remaking.add_argument("file", metavar="FILE", help=RECORD)
    remaking.add_argument("--out", metavar="NEW", type=Path, required=True, help="the new Record; must not exist yet")
    remaking.add_argument("--data", metavar="FOLDER", help="the pictures, of a Record that was made of your own")
    add_pictures(remaking)
    remaking.add_argument("--device", default="cpu", help="cuda, mps or cpu (default: cpu)")
    remaking.set_defaults(run=remake)


def show(options: argparse.Namespace) -> None:
    """What Records hold, and where they come from."""
    from ibteach import records

    for file in options.files:
        record = records.load(file)
        facts = record.provenance
        print(f"{file}: {record.source}")
        print(f"  {len(record.runs)} runs")
        for key in dict.fromkeys(key for run in record.runs for key in run):
            values = list(dict.fromkeys(run.get(key) for run in record.runs))
            print(f"    {key}: {', '.join(map(str, values[:8]))}{', …' if len(values) > 8 else ''}")
        measured = f"{record.moments[-1]}, the last of {len(record.epochs)} measurements"
        print(f"  after {measured}: least, median, most of the runs")
        for name in record.quantities:
            values = sorted(record.value(name).tolist())
            print(f"    {name}: {values[0]:.4g}, {statistics.median(values):.4g}, {values[-1]:.4g}")
        if record.latents is not None:
            _, examples, dimensions = record.latents.shape
            print(f"  latents of {examples} test examples in {dimensions} dimensions")
        for key in ("command", "commit", "versions", "configuration", "seed", "wall_seconds"):
            if facts.get(key) is not None:
                print(f"  {key}: {facts[key]}")


def listed(options: argparse.Namespace) -> int:
    """All that come with the package, and those in folders; 1 where some cannot be read."""
    from ibteach import records
    from ibteach.records import shipped

    for name in records.names():
        print(f"{name}: {records.load(name)}")
    damaged = 0
    for folder in options.folders:
        if not folder.is_dir():
            raise Unavailable(f"{folder}: is no folder; name one that holds Records.")
        for file in sorted(file for file in folder.iterdir() if file.suffix == shipped.RECORD):
            if file.name.endswith(shipped.NETWORK):
                continue
            try:
                print(f"{file}: {records.load(file)}")
            except UNREADABLE as error:
                damaged += 1
                print(f"ibteach: {error}", file=sys.stderr)
    return int(damaged > 0)


def verify(options: argparse.Namespace) -> int:
    """Whether files are whole; 1 where some are not."""
    from ibteach import records
    from ibteach.records.provenance import other_seeds

    damaged = 0
    for file in options.files or records.names():
        try:
            record = records.load(file)
            print("; ".join(filter(None, [f"{file}: whole ({len(record.runs)} runs)", other_seeds(record.provenance)])))
        except UNREADABLE as error:
            damaged += 1
            print(f"ibteach: {error}", file=sys.stderr)
    return int(damaged > 0)


def remake(options: argparse.Namespace) -> None:
    """Train again, and compare."""
    from ibteach import data, records
    from ibteach.records.provenance import other_seeds
    from ibteach.training.remake import largest_difference
    from ibteach.training.remake import remake as trained_again

    record = records.load(options.file)
    check_new(options.out)
    if said := other_seeds(record.provenance):
        print(f"{options.file}: {said}")
    dataset = data.load(options.data, **pictures(options)) if options.data else None
    again = trained_again(record, dataset, device=options.device)
    out = keep(again, options.out)
    name, gap = largest_difference(record, again)
    print(f"{out}: " + (f"differs by at most {gap:.2g}, in {name}" if gap else f"equals {options.file} exactly"))
