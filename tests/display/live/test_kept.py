"""What makes a figure the same as one that was drawn before: the content of its scene, and nothing of the moment."""

import dataclasses

import pytest

from ibteach.display import chapter_05
from ibteach.display.live import kept
from ibteach.display.live.distribution import DistributionScene
from ibteach.records import shipped
from ibteach.records.record import Record


@pytest.fixture
def record(monkeypatch) -> Record:
    monkeypatch.setenv(kept.LIBRARY, "of these tests")
    return shipped.load("mnist-surrogates")


def again(record: Record, **changed) -> Record:
    return dataclasses.replace(record, provenance=record.provenance | changed)


def test_trained_again_to_the_same_bits_is_the_same(record):
    later = again(record, created="2030-01-01T00:00:00+00:00", wall_seconds=1e3, commit=None)
    one, other = (kept.identity(DistributionScene(of)) for of in (record, later))
    assert one is not None and one == other


def test_other_data_other_numbers_and_another_library_are_another(record, monkeypatch):
    name, values = next(iter(record.quantities.items()))
    other = dataclasses.replace(record, quantities=record.quantities | {name: values + 1e-9})
    seen = {kept.identity(one) for one in (record, other, again(record, data="digits"))}
    monkeypatch.setenv(kept.LIBRARY, "a later one")
    assert len({*seen, kept.identity(record)}) == 4
    monkeypatch.delenv(kept.LIBRARY)
    assert kept.identity(record) is None


def test_what_a_scene_found_before_does_not_matter(record):
    scene = chapter_05.bounds(record).scene
    before = kept.identity(scene)
    scene.measured(0)
    assert before is not None and kept.identity(scene) == before
