"""What ships with the package is whole, obeys the theory at every epoch, and can be made again."""

import dataclasses
import functools
import itertools
import math

import pytest
import torch

from ibteach.data.datasets import load
from ibteach.data.label_noise import with_random_labels
from ibteach.errors import Diverged, InvalidInput, UnknownName
from ibteach.evaluation import attacks
from ibteach.evaluation.attacks import quantity
from ibteach.networks.bottleneck import Bottleneck, convnet, from_architecture, mlp
from ibteach.networks.ensemble import Ensemble
from ibteach.records import shipped
from ibteach.records.joining import concatenate
from ibteach.records.record import Record
from ibteach.training import loop, recipe, sweeps, variational
from ibteach.training.checkpoints import load_network
from ibteach.training.loop import Run, build, fit, grid
from ibteach.training.remake import largest_difference, remake

SURROGATES = [name for name in shipped.names() if name.endswith("-surrogates")]
SHIPPED = [(name, split) for name in SURROGATES for split in ("train", "test")]
WEIGHTS = [0.001, 0.01, 0.03, 0.1, 0.3]
CHAIN = ["log-determinant", "log-variance", "pooled-log-variance", "isotropic-log-variance", "variance", "l2"]
ROUNDING = 1e-9


@functools.cache
def kept(name):
    return shipped.load(name)


def of(name, split):
    """Value and standard error of a quantity of a shipped Record, and the error 0 where it has none."""
    record = kept(name)
    return lambda quantity: (
        record.quantities[f"{split}/{quantity}"],
        record.errors.get(f"{split}/{quantity}", torch.zeros(())),
    )


def at_most(lower, upper):
    """One value is at most the other, up to six standard errors of what was drawn by chance.

    Six, since thousands of values are compared, and where few examples make most of an error, two draws of each say
    only roughly how large it is.
    """
    (low, low_error), (high, high_error) = lower, upper
    slack = 6 * (low_error**2 + high_error**2).sqrt() + ROUNDING * (1 + high.abs())
    return bool((low <= high + slack).all())


def assert_chain(name, split):
    """H[Z|Y] and the bounds on it: each is at most the next, for every network at every epoch."""
    value = of(name, split)
    for lower, upper in itertools.pairwise(["reverse_decoder_uncertainty", *CHAIN]):
        assert at_most(value(lower), value(upper)), (lower, upper)


def exactly(value):
    return torch.as_tensor(value, dtype=torch.float64), torch.zeros(())


def test_a_record_of_networks_ships():
    assert "mnist-surrogates" in shipped.names()
    with pytest.raises(UnknownName, match="did you mean 'mnist-surrogates'"):
        shipped.load("mnist-surogates")
    size = {path.stem: path.stat().st_size for path in shipped.FOLDER.glob("*.safetensors")}
    assert sum(size[name] for name in size if name.startswith("mnist")) < 3e6
    assert sum(size[name] for name in size if not name.startswith("mnist")) < 8e6


def test_mnist_surrogates_are_what_they_are_said_to_be():
    record = kept("mnist-surrogates")
    objectives, gammas, seeds = ({run[key] for run in record.runs} for key in ("objective", "gamma", "seed"))
    assert objectives == {"l2", "variance", "log-variance"} and len(gammas) == 8 and seeds == {0, 1, 2}
    assert len(record.runs) == 72 and record.epochs.tolist() == [0] * 8 + list(range(13))
    said = record.provenance
    assert said["data"] == "mnist" and said["kind"] == "recorded" and said["stopped_in_epoch"] is None
    assert said["command"].startswith("python -m ibteach.cli sweep mnist ") and not said["commit"].endswith("dirty")


@pytest.mark.parametrize(("name", "split"), SHIPPED)
def test_decoder_uncertainty_is_bounded_by_cross_entropies(name, split):
    """H[Y|Z] ≤ H_q[Y|Z], and H_q[Y|X] ≤ H_q[Y|Z] by Jensen."""
    value = of(name, split)
    assert at_most(value("decoder_uncertainty"), value("decoder_cross_entropy"))
    decoder, prediction = value("decoder_cross_entropy")[0], value("prediction_cross_entropy")[0]
    assert (prediction <= decoder + ROUNDING).all() and (prediction >= 0).all()


@pytest.mark.parametrize(("name", "split"), SHIPPED)
def test_cross_entropies_bound_the_error(name, split):
    value = of(name, split)
    decoder, prediction, sampled, argmax = (
        value(quantity)[0]
        for quantity in ("decoder_cross_entropy", "prediction_cross_entropy", "sampled_error", "argmax_error")
    )
    assert (sampled <= -torch.expm1(-prediction) + ROUNDING).all()
    assert (-torch.expm1(-prediction) <= -torch.expm1(-decoder) + ROUNDING).all()
    assert (-torch.expm1(-decoder) <= decoder).all()
    assert (argmax <= prediction / math.log(2) + ROUNDING).all()


@pytest.mark.parametrize(("name", "split"), SHIPPED)
def test_every_surrogate_is_above_the_one_before_and_above_the_entropy(name, split):
    assert_chain(name, split)
    value = of(name, split)
    assert at_most(value("log-power"), value("l2"))
    assert at_most(value("latent_entropy"), value("log-power"))


@pytest.mark.parametrize(("name", "split"), SHIPPED)
def test_no_atom_is_negative_and_no_ceiling_is_broken(name, split):
    value, zero = of(name, split), exactly(0.0)
    rate, relevance = value("preserved_information"), value("preserved_relevant_information")
    redundant, uncertain = value("redundant_information"), value("decoder_uncertainty")
    for atom in (rate, relevance, redundant, uncertain):
        assert at_most(zero, atom)
    torch.testing.assert_close(rate[0], relevance[0] + redundant[0], rtol=0, atol=1e-9)
    torch.testing.assert_close(rate[0], value("latent_entropy")[0], rtol=0, atol=1e-9)  # zero-entropy noise
    label_entropy = relevance[0] + uncertain[0]
    assert label_entropy.max() - label_entropy.min() < 1e-9 and label_entropy.max() <= math.log(10) + ROUNDING
    assert at_most(relevance, exactly(label_entropy))
    assert at_most(rate, exactly(math.log(kept(name).provenance["configuration"]["eval_examples"])))


@pytest.mark.parametrize("name", SURROGATES)
def test_the_same_fixed_examples_are_measured_at_every_epoch(name):
    """Labels are the data's, not a network's: H[Y] is the same for all networks and epochs, to rounding."""
    record = kept(name)
    for split in ("train", "test"):
        total = record.quantities[f"{split}/preserved_relevant_information"]
        total = total + record.quantities[f"{split}/decoder_uncertainty"]
        assert (total - total[0, 0]).abs().max() < 1e-9


@pytest.mark.parametrize("data", ["cifar10", "imagenette"])
def test_residual_networks_are_what_they_are_said_to_be(data):
    record, silent = kept(f"{data}-surrogates"), kept(f"{data}-without-noise")
    objectives, gammas = ({run[key] for run in record.runs} for key in ("objective", "gamma"))
    assert objectives == {"l2", "variance", "log-variance"} and len(gammas) == 6 and len(record.runs) == 18
    assert {run["gamma"] for run in silent.runs} < gammas and {run["objective"] for run in silent.runs} < objectives
    for one, noise in ((record, True), (silent, False)):
        said, how = one.provenance, one.provenance["configuration"]
        assert said["data"].startswith(data) and not said["commit"].endswith("dirty")
        assert said["stopped_in_epoch"] is None and said["wall_seconds"] > 0
        assert said["command"].startswith(f"ibteach sweep {data} --network resnet ")
        assert how["network"] == "resnet" and how["noise"] is noise
        assert one.epochs.tolist() == list(range(how["epochs"] + 1))
    assert record.value("test/argmax_error").min() < 0.3 and record.value("test/argmax_error", 0).min() > 0.8


def test_networks_trained_to_the_end_read_nine_photographs_in_ten():
    record = kept("cifar10-trained")
    how, error = record.provenance["configuration"], record.select(gamma=[0, *WEIGHTS[:3]]).value("test/argmax_error")
    assert how["train_examples"] is None and how["epochs"] == 20 and how["measure_steps"][0] == 1
    assert [run["seed"] for run in record.runs if run["gamma"] == 0] == [0, 1, 2]
    several = [(run["objective"], run["gamma"]) for run in record.runs if run["gamma"] > 0]
    assert several == list(itertools.product(["l2", "variance", "log-variance"], WEIGHTS))
    assert record.steps.tolist()[1:9] == [1, 2, 5, 10, 20, 50, 100, 200] and error.max() < 0.12
    assert "dirty" not in record.provenance["commit"] and record.provenance["device"] == "cuda, cpu"
    for split in ("train", "test"):
        assert_chain("cifar10-trained", split)


def test_networks_trained_to_the_end_read_four_larger_photographs_in_five():
    record = kept("imagenette-trained")
    how, error = record.provenance["configuration"], record.select(gamma=[0, *WEIGHTS[:3]]).value("test/argmax_error")
    assert how["train_examples"] is None and how["epochs"] == recipe("resnet-imagenette").epochs
    assert [run["seed"] for run in record.runs if run["gamma"] == 0] == [0, 1, 2]
    several = [(run["objective"], run["gamma"]) for run in record.runs if run["gamma"] > 0]
    assert several == list(itertools.product(["l2", "variance", "log-variance"], WEIGHTS))
    assert record.steps.tolist()[1:9] == [1, 2, 5, 10, 20, 50, 100, 200] and error.max() < 0.2
    assert "dirty" not in record.provenance["commit"] and record.provenance["device"] == "cpu"
    assert_chain("imagenette-trained", "test")


def test_networks_of_three_seeds_were_trained_as_the_others_were():
    record = kept("cifar10-trained-seeds")
    assert record.provenance["configuration"] == kept("cifar10-trained").provenance["configuration"]
    several = [(run["objective"], run["gamma"], run["seed"]) for run in record.runs]
    heavy = itertools.product(["l2", "variance", "log-variance"], [0.1], range(3))
    assert several == [("l2", 0.0, 0), ("l2", 0.0, 1), ("l2", 0.0, 2), *heavy]
    assert "dirty" not in record.provenance["commit"] and record.provenance["device"] == "cpu"
    assert_chain("cifar10-trained-seeds", "test")


def test_without_noise_trained_to_the_end_l2_falls_below_zero_and_costs_nothing():
    record, noisy = kept("cifar10-trained-without-noise"), kept("cifar10-trained")
    how = {name: one.provenance["configuration"] for name, one in (("silent", record), ("noisy", noisy))}
    differs = {name for name in how["noisy"] if how["noisy"][name] != how["silent"][name]}
    assert differs == {"noise", "information"} and not how["silent"]["noise"]
    error, plain = (one.value("test/argmax_error") for one in (record, noisy.select(gamma=0)))
    assert record.value("test/l2")[0] < -40 and error[0] < plain.min() and error[1] == 0.9


def test_variance_without_noise_was_trained_as_with_it():
    record, noisy = kept("imagenette-trained-without-noise"), kept("imagenette-trained")
    how, other = (one.provenance["configuration"] for one in (record, noisy))
    assert how == other | {"noise": False, "information": False} and "dirty" not in record.provenance["commit"]
    assert [(run["objective"], run["gamma"]) for run in record.runs] == [("variance", 0.003), ("variance", 0.03)]
    assert (record.value("test/variance") < 0).all() and (noisy.value("test/variance") > 0).all()


def test_the_network_that_comes_along_is_one_of_those_that_are_recorded():
    record = kept("cifar10-trained").select(objective="l2", gamma=0.03)
    (name,) = shipped.names(shipped.NETWORK)
    network, said = load_network(name), record.provenance["configuration"]
    assert name == "cifar10-resnet" and name not in shipped.names()
    assert all(network.architecture[key] == said[key] for key in ("network", "width", "norm"))
    rounded = {"rtol": 2**-11, "atol": 2**-24}  # to float16
    torch.testing.assert_close(network.decoder.weight, record.decoder_weight[0], **rounded)
    torch.testing.assert_close(network.decoder.bias, record.decoder_bias[0], **rounded)


def test_attacked_networks_are_those_that_ship():
    found, networks = kept("cifar10-robustness"), kept("cifar10-surrogates")
    assert found.runs == networks.runs
    assert found.provenance["trained"]["configuration"] == networks.provenance["configuration"]
    for attack in ("fgsm", "bim", "pgd", "deepfool"):
        epsilons = found.provenance["configuration"]["attacks"]["epsilons"]
        errors = torch.stack([found.value(quantity(attack, epsilon)) for epsilon in epsilons])
        assert torch.equal(errors[0], found.value("clean/error")) and (errors >= errors[0]).all()
        worst = torch.stack([found.value(quantity("any", epsilon)) for epsilon in epsilons])
        assert (worst.diff(dim=0) >= 0).all() and (worst >= errors).all()


@pytest.mark.parametrize(("data", "seeds"), [("digits", 10), ("mnist", 4)])
def test_attacked_networks_are_under_everything_that_is_meant(data, seeds):
    found = kept(f"{data}-robustness")
    said = found.provenance["configuration"]["attacks"]
    assert len(found.runs) == 4 * seeds and {run["seed"] for run in found.runs} == set(range(seeds))
    assert set(attacks.MEANT) < set(said["attacks"]) and not found.provenance["commit"].endswith("dirty")
    for epsilon in said["epsilons"]:
        worst = found.value(quantity("any", epsilon))
        assert all((worst >= found.value(quantity(name, epsilon))).all() for name in said["attacks"])
    assert (found.value(quantity("any", said["epsilons"][-1])) == 1).all()


def test_attacked_photographs_are_of_networks_that_ship():
    found, networks = kept("cifar10-trained-robustness"), kept("cifar10-trained")
    assert all(run in networks.runs for run in found.runs) and not found.provenance["commit"].endswith("dirty")
    how = ("network", "width", "epochs", "optimizer", "train_examples")
    trained, said = (one["configuration"] for one in (found.provenance["trained"], networks.provenance))
    assert {name: trained[name] for name in how} == {name: said[name] for name in how}
    assert set(attacks.MEANT) < set(found.provenance["configuration"]["attacks"]["attacks"])


def test_the_worst_case_is_of_networks_that_are_recorded():
    found = kept("cifar10-trained-worst-case")
    recorded = kept("cifar10-trained").runs + kept("cifar10-trained-seeds").runs
    said = found.provenance["configuration"]["attacks"]
    assert all(run in recorded for run in found.runs) and not said["each"] and said["eval_examples"] == 1000
    assert len(found.runs) == 18 and found.provenance["trained"]["device"] == "cpu"  # who has no GPU can make them
    assert set(attacks.MEANT) | {"transfer"} < set(said["attacks"]) and not found.provenance["commit"].endswith("dirty")
    worst = torch.stack([found.value(quantity("any", epsilon)) for epsilon in said["epsilons"]])
    assert torch.equal(worst[0], found.value("clean/error")) and (worst.diff(dim=0) >= 0).all()


def test_networks_without_batch_normalisation_were_trained_and_attacked_as_the_others_were():
    group, batch = kept("cifar10-group-norm-worst-case"), kept("cifar10-batch-norm-worst-case")
    assert all(run in kept("cifar10-trained-worst-case").runs for run in batch.runs)
    trained, others = (one.provenance["trained"]["configuration"] for one in (group, batch))
    assert trained == others | {"norm": "group"} and not group.provenance["commit"].endswith("dirty")
    assert group.provenance["configuration"]["attacks"] == batch.provenance["configuration"]["attacks"]


def test_networks_with_group_normalisation_are_measured_as_the_others_are():
    record, attacked = kept("cifar10-trained-group-norm"), kept("cifar10-group-norm-worst-case")
    said, others = (one.provenance["configuration"] for one in (record, kept("cifar10-trained")))
    assert said == others | {"norm": "group"} and record.runs == attacked.runs
    assert "dirty" not in record.provenance["commit"] and record.provenance["device"] == "cpu"
    assert_chain("cifar10-trained-group-norm", "test")


def test_the_variational_bottleneck_is_what_it_is_said_to_be():
    record = kept("mnist-vib")
    assert record.runs == ({"objective": "vib", "beta": 1e-3, "seed": 0},)
    said, chosen = record.provenance, record.provenance["configuration"]
    assert said["data"] == "mnist" and not said["commit"].endswith("dirty")
    assert said["command"].startswith("python -c 'from ibteach.learning import data, variational; variational.record(")
    assert chosen["latent_dimension"] == 256 and chosen["hidden"] == [1024, 1024]
    assert record.epochs[-1] <= chosen["epochs"] and "train/rate" in record.quantities
    value = {name.removeprefix("test/"): values for name, values in record.quantities.items() if "test/" in name}
    assert value.keys() == set(variational.Evaluation._fields)
    assert (value["prediction_cross_entropy"] <= value["decoder_cross_entropy"] + ROUNDING).all()
    assert (value["argmax_error"] <= value["prediction_cross_entropy"] / math.log(2)).all()
    assert (value["argmax_error"] < value["one_sample_error"]).all()  # many draws know more than one
    assert all((record.errors[f"test/{name}"] > 0).all() for name in value)


# ------------------------------------------------------------------------------------------------ made again


def trained(network, seeds=(0, 1), **settings):
    runs = grid(["l2", "log-variance"], gammas=[0.01, 0.1], seeds=seeds)
    chosen = {"epochs": 2, "batch_size": 100, "eval_examples": 100, "keep_latents": 20, "device": "cpu"} | settings
    return fit(build(network, runs), load("digits"), runs, **chosen, progress=False)


@pytest.mark.parametrize(
    ("network", "settings"),
    [
        (functools.partial(mlp, 64, 10, latent_dimension=3, hidden=(8,)), {"information": True, "measure_every": 1}),
        (functools.partial(mlp, 64, 10, dropout=0.3), {"seeds": (0,), "learning_rate": 0.003}),
        (functools.partial(convnet, (1, 8, 8), 10, width=2), {"noise": False}),
    ],
    ids=["information", "dropout", "convolutions without noise"],
)
def test_a_record_is_made_again_from_its_provenance_bit_for_bit(network, settings, tmp_path):
    first = trained(network, **settings)
    first.save(tmp_path / "first")
    read = Record.load(tmp_path / "first")
    torch.manual_seed(99)  # the global random state has no say
    again = remake(read, progress=False)
    assert again.runs == first.runs and torch.equal(again.epochs, first.epochs)
    assert again.provenance["configuration"] == first.provenance["configuration"]
    for name in first.quantities:
        assert torch.equal(again.quantities[name], first.quantities[name]), name
    assert torch.equal(again.latents, first.latents) and len(again.labels) == 20


def test_networks_that_cannot_be_stacked_are_made_again_one_by_one(tmp_path):
    runs = grid(["variance"], gammas=[0.01, 0.1])
    jobs = sweeps.plan(
        "digits", {"network": "resnet", "width": 2}, runs, epochs=1, train_examples=100, eval_examples=20
    )
    first = concatenate(sweeps.run(jobs, tmp_path, device="cpu", progress=False))
    assert largest_difference(first, remake(first, progress=False))[1] == 0


@pytest.mark.parametrize("chosen", [{}, {"dropout": 0.3}], ids=["plain", "dropout"])
def test_what_a_sweep_leaves_is_made_again_bit_for_bit(chosen, tmp_path):
    """In the company of then: seed by seed, and also where a Record has only some of the runs."""
    runs = grid(["l2", "variance"], gammas=[0.01, 0.1, 1.0], seeds=[0, 1])
    settings = {"epochs": 2, "batch_size": 100, "eval_examples": 100}
    jobs = sweeps.plan("digits", {"network": "mlp", "hidden": [16], **chosen}, runs, **settings)
    each = sweeps.run(jobs, tmp_path, device="cpu", progress=False)
    joined = concatenate(each)
    assert joined.provenance["trained_together"] == [[dataclasses.asdict(run) for run in job.runs] for job in jobs]
    for record in (joined, each[4], joined.take([9, 2])):
        assert largest_difference(record, remake(record, progress=False))[1] == 0


def test_a_network_whose_company_was_lost_is_made_again_bit_for_bit():
    runs = [*grid(["variance"], gammas=[0.01, 0.1]), Run.of("l2", gamma=1e10)]
    how = {"epochs": 2, "batch_size": 100, "eval_examples": 100, "optimizer": "sgd", "device": "cpu", "progress": False}
    with pytest.raises(Diverged) as caught:
        fit(build(functools.partial(mlp, 64, 10, hidden=(16,)), runs), load("digits"), runs, **how)
    left = caught.value.record
    assert len(left.runs) == 2 and largest_difference(left, remake(left, progress=False))[1] == 0


def test_who_was_trained_together_is_not_asked_of_a_record_that_does_not_say_so():
    record = trained(functools.partial(mlp, 64, 10, hidden=(4,)), epochs=1)
    for said in (8, [[record.runs[0]]]):
        old = dataclasses.replace(record, provenance={**record.provenance, "trained_together": said})
        assert largest_difference(old, remake(old, progress=False))[1] == 0


def test_a_training_that_was_stopped_is_not_made_again(monkeypatch):
    record = trained(functools.partial(mlp, 64, 10, hidden=(4,)), epochs=1)
    stopped = dataclasses.replace(record, provenance={**record.provenance, "stopped_in_epoch": 1})
    monkeypatch.setattr(loop, "_Training", lambda *_, **__: pytest.fail("trained"))
    with pytest.raises(InvalidInput, match="record: got one of a training that was stopped in epoch 1, expected"):
        remake(stopped)


def test_a_variational_bottleneck_is_made_again_bit_for_bit(tmp_path):
    chosen = {
        "latent_dimension": 8,
        "hidden": (32,),
        "epochs": 2,
        "measure_every": 1,
        "ema_decay": 0.9,
        "low_precision": True,
    }
    variational.record(load("digits"), beta=0.01, seed=3, **chosen).save(tmp_path / "first")
    first = Record.load(tmp_path / "first")
    again = remake(first)
    assert largest_difference(first, again)[1] == 0
    assert again.provenance["configuration"] == first.provenance["configuration"]


def test_what_is_measured_only_since_then_is_no_difference():
    """A Record of before there was the mixture bound, as mnist-surrogates is."""
    now = trained(functools.partial(mlp, 64, 10, hidden=(4,)), epochs=1)
    quantities = {name: values for name, values in now.quantities.items() if not name.endswith("/mixture")}
    assert len(quantities) == len(now.quantities) - 2 and "test/mixture" not in kept("mnist-surrogates").quantities
    then = dataclasses.replace(now, quantities=quantities)
    assert largest_difference(then, remake(then, progress=False))[1] == 0


def test_a_variational_bottleneck_that_was_stopped_is_made_again_as_far_as_it_went():
    seen, chosen = [], {"latent_dimension": 8, "hidden": (32,), "epochs": 4, "decay": 0.5, "measure_every": 3}
    variational.record(load("digits"), **chosen, report=seen.append)
    again = remake(seen[0])
    assert again.epochs.tolist() == [3] and largest_difference(seen[0], again)[1] == 0


def test_what_cannot_be_made_again_is_told():
    record = trained(functools.partial(mlp, 64, 10, hidden=(4,)), epochs=1)
    own = dataclasses.replace(record, provenance={"data": "digits", "configuration": {"epochs": 1}})
    with pytest.raises(InvalidInput, match=r"expected a network, and those of training"):
        remake(own)
    elsewhere = dataclasses.replace(record, provenance={**record.provenance, "data": "digits, 30% random labels"})
    with pytest.raises(UnknownName, match="data set: got 'digits, 30% random labels'"):
        remake(elsewhere)
    assert remake(elsewhere, load("digits"), progress=False).provenance["data"] == "digits"


@pytest.mark.parametrize(
    ("runs", "facts", "said"),
    [
        ([{"seed": 0}], {}, "dataset: got none, and the Record says None of its own; give"),
        ([{"seed": 0}], {"data": "digits"}, "record: got the runs .*, expected objective, gamma, beta_prime and seed"),
        (None, {"data": "digits", "trained_together": [[{"seed": 0}]]}, "record: got the runs .*, expected objective"),
        (None, {"data": "digits", "trained_together": [7]}, "record: got the runs 7, expected objective"),
        ([{"seed": 0}], {"data": "digits", "network": "variational"}, "record: got the run .*, expected a beta"),
    ],
)
def test_a_record_that_lacks_what_is_needed_is_not_made_again(runs, facts, said, monkeypatch):
    monkeypatch.setattr(loop, "_Training", lambda *_, **__: pytest.fail("trained"))
    facts = dict(facts)
    facts["configuration"] = {"network": facts.pop("network", "mlp"), "epochs": 1}
    runs = runs or [dataclasses.asdict(Run.of("l2", gamma=0.1))]
    with pytest.raises(InvalidInput, match=said):
        remake(Record(runs, torch.tensor([1]), {"test/error": torch.ones(1, 1)}, provenance=facts))


def test_variational_bottlenecks_that_were_joined_are_made_again():
    how = {"latent_dimension": 2, "hidden": (8,), "epochs": 1, "batch_size": 200, "samples": 2}
    joined = concatenate([variational.record(load("digits"), seed=seed, beta=0.1, **how) for seed in (0, 1)])
    assert largest_difference(joined, remake(joined))[1] == 0


def test_data_of_the_same_name_are_not_taken_for_those_of_the_record():
    digits, run = load("digits"), Run.of("l2", gamma=0.1)
    relabelled = dataclasses.replace(with_random_labels(digits, 1), name="digits")
    how = {"epochs": 1, "batch_size": 200, "eval_examples": 50, "device": "cpu", "progress": False}
    record = fit(build(functools.partial(mlp, 64, 10), run), relabelled, run, **how)
    with pytest.raises(InvalidInput, match="which are not the Record's 'digits'"):
        remake(record)
    assert largest_difference(record, remake(record, relabelled, progress=False))[1] == 0
    facts = {key: value for key, value in record.provenance.items() if key != "fingerprints"}  # of version 0.1.0
    old = dataclasses.replace(record, provenance=facts)
    other = dataclasses.replace(digits, test_labels=digits.test_labels.roll(1))
    with pytest.raises(InvalidInput, match="which are not the Record's 'digits'"):
        remake(old, other)


def test_records_of_other_runs_are_not_compared():
    record = kept("mnist-surrogates")
    with pytest.raises(InvalidInput, match="expected the same runs"):
        largest_difference(record, record.select(seed=0))
    within = dataclasses.replace(record, steps=torch.arange(len(record.epochs)) + record.epochs)
    later = dataclasses.replace(within, steps=within.steps + 1)
    with pytest.raises(InvalidInput, match="the same runs, epochs, steps"):
        largest_difference(within, later)
    empty = Record(({"seed": 0},), torch.tensor([0]), {})
    with pytest.raises(InvalidInput, match="the same runs"):
        largest_difference(empty, empty)


def test_an_architecture_is_enough_to_build_a_network():
    for network in (mlp(64, 10, latent_dimension=3, hidden=(5, 6), dropout=0.1), convnet((1, 8, 8), 10, width=3)):
        again = from_architecture(network.architecture, (1, 8, 8), 10)
        assert [p.shape for p in again.parameters()] == [p.shape for p in network.parameters()]
        assert again.architecture == network.architecture == Ensemble([network]).architecture
    assert Bottleneck(torch.nn.Flatten(), 64, 10).architecture == {}
    with pytest.raises(UnknownName, match="network: got 'mpl'"):
        from_architecture({"network": "mpl"}, 64, 10)
