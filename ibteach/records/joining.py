"""Several Records as one: the runs of a sweep, each trained by itself, side by side in one figure."""

import dataclasses
import json
from collections.abc import Iterable
from typing import Any

import torch

from ibteach import checks
from ibteach.errors import InvalidInput
from ibteach.records.record import LATENTS, Record


def concatenate(records: Iterable[Record]) -> Record:
    """The runs of several Records as one, in their order: what a sweep trained one by one, for one figure.

    Its provenance keeps what all of them say, adds up seconds and parameters, and lists what differs, such as devices
    and who was trained together.
    Raises `InvalidInput` for Records of other data, configuration, epochs, quantities or test examples: one Record
    could not say which of its runs is of which.

    >>> from ibteach.records.provenance import provenance
    >>> digits = {"epochs": torch.tensor([5]), "provenance": provenance(data="digits", wall_seconds=2)}
    >>> parts = [Record(({"seed": seed},), quantities={"test/error": torch.ones(1, 1)}, **digits) for seed in (0, 1)]
    >>> concatenate(parts)
    Record(2 runs, 1 epochs, 1 quantities, no latents; computed now, digits, CPU, 4.0 s)
    """
    records = checks.several("records", records)
    if not records or not all(isinstance(record, Record) for record in records):
        raise InvalidInput(f"records: got {records!r}, expected at least one Record.")
    first, shared = records[0], _shared(records[0])
    known: dict[str, Any] = {}  # fingerprints that were said so far
    for record in records:
        said = record.provenance.get("fingerprints") or {}  # Records of version 0.1.0 say nothing
        differs = [name for name, value in _shared(record).items() if value != shared[name]]
        differs += [f"the fingerprint of the {name}" for name, value in said.items() if known.get(name, value) != value]
        known.update(said)
        if differs:
            raise InvalidInput(
                f"records: got {first!r} and {record!r}, which differ in {', '.join(differs)}; "
                "expected Records that differ in their runs alone."
            )

    def joined(tables):
        return {name: torch.cat([table[name] for table in tables]) for name in tables[0]}

    per_run = [name for name in LATENTS if name != "labels"] if first.latents is not None else []
    return dataclasses.replace(
        first,
        runs=tuple(run for record in records for run in record.runs),
        quantities=joined([record.quantities for record in records]),
        errors=joined([record.errors for record in records]),
        provenance=joined_facts([record.provenance for record in records]),
        **{name: torch.cat([getattr(record, name) for record in records]) for name in per_run},
    )


def _shared(record: Record) -> dict:
    """What all runs of a Record have in common."""
    latents = record.latents
    return {
        **{key: record.provenance.get(key) for key in ("data", "configuration", "stopped_in_epoch")},
        "epochs": record.epochs.tolist(),
        "steps": None if record.steps is None else record.steps.tolist(),
        "quantities": set(record.quantities),
        "errors": set(record.errors),
        "shape of the latents": None if latents is None else tuple(latents.shape[1:]),
        "classes": None if record.decoder_bias is None else record.decoder_bias.shape[1],
        "labels": None if record.labels is None else record.labels.tolist(),
    }


def joined_facts(facts: list[dict]) -> dict:
    """What all say is kept; numbers are added up, texts that differ are listed, the last of the times is kept."""
    joined = {}
    for key in [key for key in facts[0] if all(key in one for one in facts)]:
        values = [one[key] for one in facts]
        if key in ("wall_seconds", "parameters"):
            joined[key] = None if None in values else sum(values)
        elif key in ("created", "kind"):  # "recorded" comes after "live": so is the whole if a part is
            joined[key] = max(values, key=str)
        elif all(value == values[0] for value in values):
            joined[key] = values[0]
        elif all(isinstance(value, dict) for value in values):
            joined[key] = joined_facts(values)
        elif all(isinstance(value, str) for value in values):
            apart = values if key == "command" else [part for value in values for part in value.split(", ")]
            joined[key] = ", ".join(dict.fromkeys(apart))  # also of what was joined before
        elif key == "trained_together" and all(isinstance(value, list) for value in values):
            joined[key] = list({json.dumps(group): group for value in values for group in value}.values())
    return joined
