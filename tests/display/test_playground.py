"""The playground as the kernel sees it: settings, weights both ways, the Record, and what it refuses."""

import copy
import json
import math

import pytest
import torch

from ibteach import data, networks
from ibteach.display import chapter_05, chapter_07
from ibteach.display.live.canvas import Canvas
from ibteach.display.playground import playground, trained, widget
from ibteach.errors import InvalidInput, UnknownName
from ibteach.objectives import OBJECTIVES
from ibteach.records import Record


def told(figure, models, **last):
    """What a browser sends after training: the weights of these networks after epochs 0, 2, 4, …"""
    rows = [torch.cat([p.detach().flatten() for p in model.parameters()]) for model in models]
    setting = {"step": 0, "objective": "log-variance", "gamma": 0.01, "betaPrime": 0.02, "noise": True, "dropout": 0}
    setting |= {"learningRate": 0.01, "batchSize": 64, "randomLabels": 0} | last
    figure._trained = {
        "epochs": [2 * i for i in range(len(rows))],
        "steps": [40 * i for i in range(len(rows))],
        "history": [setting],
        "hidden": models[0].architecture["hidden"],
        "seed": 0,
        "parameters": memoryview(torch.stack(rows).numpy().tobytes()),
    }
    return figure


@pytest.fixture(scope="module")
def models():
    torch.manual_seed(0)
    made = [networks.mlp((1, 8, 8), classes=10, latent_dimension=2, hidden=(32, 32)) for _ in range(3)]
    with torch.no_grad():  # latents as far apart as those of a trained network
        for model in made:
            model.encoder[-1].weight.mul_(30)
    return made


def test_settings_are_read_and_set():
    figure = playground(objective="l2", gamma=0.3)
    assert figure.state["objective"] == "l2" and figure.state["gamma"] == 0.3 and figure.state["seed"] == 0
    figure.state = {"dropout": 0.3}
    figure.state = json.dumps({"random_labels": 1})
    assert (figure.state["dropout"], figure.state["random_labels"], figure.state["gamma"]) == (0.3, 1.0, 0.3)
    assert json.loads(figure.state_text) == figure.state


BAD = {
    "no setting": ({"gama": 1}, "did you mean 'gamma'"),
    "no objective": ({"objective": "l3"}, "l3"),
    "gamma of nothing": ({"gamma": 0}, "gamma"),
    "gamma that is no number": ({"gamma": math.nan}, "gamma"),
    "rate beyond": ({"learning_rate": 5}, "learning_rate: got 5.0, expected one of"),
    "dropout between": ({"dropout": 0.15}, "dropout"),
    "words for a truth": ({"noise": "on"}, "expected True or False"),
    "sizes": ({"hidden": "7-7"}, "hidden"),
    "seed": ({"seed": -1}, "seed"),
    "infinite": ({"objective": "vib", "noise": False}, "can be infinite without noise"),
    "no JSON": ("{", "JSON"),
    "a list": ([1], "expected a dict"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_setting_is_refused_and_nothing_changes(case):
    asked, message = BAD[case]
    figure = playground()
    before = dict(figure.state)
    with pytest.raises((InvalidInput, UnknownName), match=message):
        figure.state = asked
    assert figure.state == before


def test_the_digits_are_all_there():
    spec, digits = widget._spec(), data.load("digits")
    pixels = torch.tensor([ord(sign) - 97 for sign in spec["pixels"]], dtype=torch.uint8).reshape(-1, 1, 8, 8)
    assert torch.equal(pixels[: spec["train"]], digits.train_images)
    assert torch.equal(pixels[spec["train"] :], digits.test_images)
    assert [*map(int, spec["labels"])] == [*digits.train_labels.tolist(), *digits.test_labels.tolist()]
    assert spec["label_entropy"] == pytest.approx(math.log(10)) and (digits.test_labels.bincount() == 50).all()


def test_scripts_and_data_are_small():
    assert len((widget.SCRIPT + widget.STYLE + json.dumps(widget._spec())).encode()) <= 250_000


def test_every_objective_is_offered_with_its_weight():
    offered = {one["name"]: one for one in widget._spec()["objectives"]}
    assert set(offered) == {"none", *OBJECTIVES}
    assert all(offered[name]["gamma_per_beta_prime"] == one.gamma_per_beta_prime for name, one in OBJECTIVES.items())


def test_what_was_trained_is_a_record_for_every_explorer(models):
    record = told(playground(), models).record
    assert isinstance(record, Record) and record.epochs.tolist() == [0, 2, 4]
    assert record.runs == ({"objective": "log-variance", "gamma": 0.01, "beta_prime": 0.02, "seed": 0},)
    latents, _ = models[-1](data.load("digits").normalize(data.load("digits").test_images), torch.zeros(500, 2))
    torch.testing.assert_close(record.latents[0], latents.detach())
    assert record.source.startswith("computed now, digits, a browser")
    for show in (chapter_05.latents, chapter_05.bounds, chapter_05.error_bound, chapter_07.information_plane):
        assert show(record).picture()


def test_a_record_says_what_it_was_trained_with(models):
    for objective, noise in [("none", True), ("mixture", True), ("l2", False)]:
        record = told(playground(), models[:2], objective=objective, noise=noise).record
        [run] = record.runs
        assert run["objective"] == ("l2" if objective == "none" else objective) and (run["gamma"] == 0) == (
            objective == "none"
        )
        assert ("test/preserved_information" in record.quantities) == noise
        assert record.provenance["configuration"]["noise"] == noise
        assert chapter_05.latents(record).picture()
    figure = told(playground(), models[:1], randomLabels=0.5)
    figure._trained = {**figure._trained, "labels": memoryview(bytes([3] * 1297))}
    assert figure.record.provenance["data"] == "digits, 50% random labels"


def test_weights_go_both_ways(models):
    figure = playground(hidden="16-16")
    figure.load(models[1])
    assert figure.state["hidden"] == "32-32"
    for ours, back in zip(models[1].parameters(), figure.network.parameters(), strict=True):
        assert torch.equal(ours, back)
    assert figure.record.epochs.tolist() == [0]


def test_what_are_no_weights_of_it_is_refused(models):
    figure = playground()
    with pytest.raises(InvalidInput, match="press Train"):
        _ = figure.record
    wrong = [
        networks.mlp((1, 8, 8), classes=10, latent_dimension=3),
        networks.mlp((1, 28, 28), classes=10, latent_dimension=2, hidden=(32, 32)),
        networks.convnet((1, 8, 8), classes=10),
        torch.nn.Linear(64, 2),
    ]
    for network in wrong:
        with pytest.raises(InvalidInput, match="expected networks"):
            figure.load(network)
    with pytest.raises(UnknownName, match="hidden"):
        figure.load(networks.mlp((1, 8, 8), classes=10, latent_dimension=2, hidden=(7,)))
    with pytest.raises(InvalidInput, match="expected"):
        trained.network(torch.zeros(7), (32, 32))
    with pytest.raises(InvalidInput, match="not finite"):
        trained.network(torch.full((3232,), math.nan), (32, 32))
    assert not figure._trained and not figure._given


def test_a_saved_notebook_keeps_picture_and_words(models):
    figure = told(playground(unit="bits"), models)
    shown, metadata = figure._repr_mimebundle_()
    assert {"application/vnd.jupyter.widget-view+json", "image/png", "text/plain"} <= set(shown)
    alt = metadata["image/png"]["alt"]
    assert "after 4 epochs with log-variance, γ = 0.01" in alt and "bits" in alt
    assert figure.picture("dark")[:4] == b"\x89PNG"
    assert repr(figure) == "Playground(objective='log-variance', gamma=0.01; 80 steps trained)"


def test_before_anything_is_trained_the_picture_is_of_a_training_by_the_library():
    figure = playground(objective="variance", gamma=0.1)
    assert "after 20 epochs with variance, γ = 0.1" in figure._still()[0]
    assert "with mixture, γ = 0.1" in playground(objective="mixture", gamma=0.1)._still()[0]


def test_the_picture_before_any_training_has_every_setting():
    settings = {"objective": "none", "learning_rate": 0.1, "batch_size": 256, "dropout": 0.5, "random_labels": 1.0}
    figure = playground(**settings)
    alt = figure._still()[0]
    assert "no compression, learning rate 0.1, batch size 256, dropout 0.5, 100% random labels" in alt
    assert figure._scene().record.value("test/argmax_error").item() > 0.8  # nothing to learn
    assert figure.picture()


def test_the_picture_of_weights_that_were_loaded_is_of_them(models):
    figure = playground()
    figure.load(models[0])
    alt = figure._still()[0]
    assert "weights as they were put in" in alt and "epochs" not in alt
    assert f"test error {figure.record.value('test/argmax_error').item():.1%}" in alt


def test_the_same_weights_are_loaded_again(models):
    figure, heard = playground(), []
    figure.observe(heard.append, "_given")
    for _ in range(2):
        figure.load(models[0])
    assert len(heard) == 2


def test_a_setting_moved_after_the_last_step_is_not_what_was_trained_with(models):
    figure = told(playground(), models)
    first = figure._trained["history"][0]
    moved = first | {"step": 80, "objective": "l2", "gamma": 10.0, "betaPrime": 1.2, "dropout": 0.8}
    figure._trained = {**figure._trained, "history": [first, moved]}
    assert figure.record.runs[0]["objective"] == "log-variance" and figure.record.runs[0]["gamma"] == 0.01
    assert figure.record.provenance["configuration"]["dropout"] == 0
    assert "with log-variance, γ = 0.01:" in figure._still()[0]


def test_bars_below_zero_are_all_in_the_picture(models):
    """Without noise small latents have surrogates far below zero, and no bar may hide the zero that it starts from."""
    small = copy.deepcopy(models[0])
    with torch.no_grad():
        small.encoder[-1].weight.mul_(1e-4)
        small.encoder[-1].bias.mul_(1e-4)
    figure = told(playground(), [small, small], objective="l2", noise=False)
    scene = figure._scene()
    axes = Canvas(scene)._figure.axes[1]
    low, high = axes.get_xlim()
    values = [value for _, value in scene._ladder()]
    assert min(values) < 0 and low < min(values) and high > max(0, *values)
