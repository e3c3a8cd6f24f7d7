"""A valid call of every public callable, or the reason why it is not fuzzed.

`CALLS` is the one list: the name of a callable below ``ibteach`` and how it is called rightly. A call may be named
twice, with other arguments, by a second part after a space. Whatever is public and in neither list fails the test.
"""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch

from ibteach import checks, data, networks, training
from ibteach.bottleneck import gaussian
from ibteach.display.live import photographs
from ibteach.evaluation import ood, prediction, sampling
from ibteach.information import discrete, mixture
from ibteach.networks import variational
from ibteach.records import joining, record, shipped
from ibteach.records.provenance import provenance
from ibteach.training import checkpoints, jobs, sweeps
from ibteach.training import variational as variational_training


class Call(NamedTuple):
    """A valid call: the function, its arguments by name, how many times it costs what a quick call does.

    `loose` says what its results may hold, and why: "inf", "nan". `random`: it takes from the caller's random state.
    """

    function: Callable[..., Any]
    arguments: dict[str, Any]
    cost: int = 1
    loose: tuple[str, ...] = ()
    random: bool = False


@functools.cache
def digits():
    """A few of the real digits, of every class."""
    whole = data.load("digits")
    few = {"train_images": whole.train_images[:60], "train_labels": whole.train_labels[:60]}
    few |= {"test_images": whole.test_images[:40], "test_labels": whole.test_labels[:40]}
    return data.datasets.Dataset(name="digits", classes=whole.classes, **few)


def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return networks.mlp(digits().shape, classes=10, hidden=(8,))


RUNS = training.grid(["l2", "variance"], gammas=[0.01, 0.1])
QUICK = {"epochs": 1, "batch_size": 20, "eval_examples": 20, "progress": False, "device": "cpu"}


def pair():
    return training.build(network, RUNS)


@functools.cache
def trained():
    model = pair()
    return model, training.fit(model, digits(), RUNS, **QUICK)


@functools.cache
def folder():
    return Path(tempfile.mkdtemp(prefix="ibteach-fuzz-"))


@functools.cache
def network_file():
    path = folder() / "network.safetensors"
    training.save_network(path, network(), digits().shape)
    return path


@functools.cache
def record_file():
    path = folder() / "record.safetensors"
    trained()[1].save(path)
    return path


@functools.cache
def drawn():
    with_dropout = networks.mlp(digits().shape, classes=10, hidden=(8,), dropout=0.3)
    run = training.Run.of("l2", gamma=0.0)
    found = training.fit(with_dropout, digits(), run, **QUICK)
    return {0.3: (with_dropout, found)}


def _random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _simplex(*shape, seed=0):
    return _random(*shape, seed=seed).double().softmax(-1)


TABLE = [[0.3, 0.05, 0.05], [0.1, 0.4, 0.1]]
JOINT = discrete.Joint(TABLE, "X Y")
CHAIN = JOINT.encode("Z|X", [[0.9, 0.1], [0.2, 0.8]])
LATENTS, LABELS = _random(24, 3), torch.arange(24) % 3
LOGITS = _random(24, 3, seed=1)
COVARIANCE = torch.eye(3) + 0.3
NAMES = ("X", "Y")


def calls() -> dict[str, Call]:
    """Name → valid call, fresh: nothing here is used by two calls."""
    from ibteach import objectives
    from ibteach.bottleneck import clustering, contraction, curve, lagrangian, tabular
    from ibteach.data import augmentation, datasets, label_noise
    from ibteach.display.chapters import (
        chapter_02,
        chapter_03,
        chapter_04,
        chapter_05,
        chapter_06,
        chapter_07,
        chapter_09,
    )
    from ibteach.display.live import diagrams, distribution, explore
    from ibteach.evaluation import calibration
    from ibteach.information import comparison, continuous, diagram, estimators, geometry, population, tables
    from ibteach.networks import bottleneck, ensemble
    from ibteach.training import devices, loop, measuring, runs, settings
    from ibteach.training.remake import largest_difference, remake

    images, labels = digits().test_images[:6], digits().test_labels[:6]
    model, found = trained()
    gaussians = ood.ClassGaussians.fit(LATENTS, LABELS, 3)
    predict = prediction.Prediction(network(), digits(), samples=4)
    measured = mixture.measure(LATENTS, LABELS)
    ib = gaussian.GaussianBottleneck(COVARIANCE.double().tolist(), inputs=1)
    encoder = [[0.9, 0.1], [0.2, 0.8]]
    table, q = {"joint": TABLE}, {"p": [0.5, 0.25, 0.25], "q": [0.25, 0.25, 0.5]}
    latent = {"latents": LATENTS, "noise_variance": 0.1}
    of = {"latents": LATENTS, "labels": LABELS}
    means = {"mean": LATENTS[0], "other_mean": LATENTS[1]}
    points = {"x": LATENTS[:, 0].double(), "y": LATENTS[:, 1:].double()}
    predicted = {"probabilities": _simplex(24, 3), "labels": LABELS}
    job = sweeps.plan("digits", {"network": "mlp", "hidden": [4]}, RUNS, epochs=1)[0]
    rates = {"mean": _random(5, 3), "std": torch.ones(5, 3)}
    variational_model = variational.Variational(64, 10, 3, (8,))
    quick = {"epochs": 1, "batch_size": 20}

    def call(function, cost=1, loose=(), random=False, **arguments):
        return Call(function, arguments, cost, loose, random)

    return {
        # information
        "information.discrete.Joint": call(discrete.Joint, table=TABLE, names="X Y", normalize=False),
        "information.discrete.Joint.from_samples": call(
            lambda x, y, names: discrete.Joint.from_samples(x, y, names=names), x=LABELS, y=LABELS % 2, names="X Y"
        ),
        "information.discrete.Joint.p": call(JOINT.p, variables="Y|X"),
        "information.discrete.Joint.H": call(JOINT.H, variables="Y|X"),
        "information.discrete.Joint.I": call(JOINT.I, variables="X;Y"),
        "information.discrete.Joint.encode": call(JOINT.encode, variables="Z|X", channel=encoder),
        "information.discrete.entropy": call(discrete.entropy, p=_simplex(3), normalize=False),
        "information.discrete.cross_entropy": call(discrete.cross_entropy, loose=("inf",), **q, normalize=False),
        "information.discrete.kl_divergence": call(
            discrete.kl_divergence, loose=("inf",), p=_simplex(2, 3), q=_simplex(2, 3, seed=1), normalize=False
        ),
        "information.tables.numbers": call(tables.numbers, loose=("inf", "nan"), name="p", values=TABLE),
        "information.tables.parse": call(lambda text: tables.parse(text, ["X", "Y"], groups=2), text="X;Y"),
        "information.tables.probabilities": call(
            lambda table: tables.probabilities("p", table, "... X Y"), table=TABLE
        ),
        "information.tables.symbols": call(tables.symbols, name="X", values=LABELS),
        "information.tables.variable_names": call(tables.variable_names, names="X Y"),
        "information.continuous.zero_entropy_noise": call(continuous.zero_entropy_noise, random=True, like=[3, 2]),
        "information.continuous.gaussian_entropy": call(continuous.gaussian_entropy, covariance=COVARIANCE),
        "information.continuous.diagonal_entropy": call(continuous.diagonal_entropy, variances=torch.ones(2, 3)),
        "information.continuous.isotropic_entropy": call(
            continuous.isotropic_entropy, variance=torch.ones(2), dimension=3
        ),
        "information.continuous.gaussian_kl": call(
            continuous.gaussian_kl, **means, covariance=COVARIANCE, other_covariance=torch.eye(3)
        ),
        "information.continuous.diagonal_kl": call(
            continuous.diagonal_kl, **means, variance=torch.ones(3), other_variance=2 * torch.ones(3)
        ),
        "information.continuous.log_det_bound": call(continuous.log_det_bound, **latent),
        "information.continuous.diagonal_bound": call(continuous.diagonal_bound, **latent),
        "information.continuous.gaussian_cross_entropy": call(
            continuous.gaussian_cross_entropy, **latent, held_out=_random(5, 3)
        ),
        "information.mixture.measure": call(
            mixture.measure, cost=2, **of, noise_variance=0.1, samples=2, seed=0, block=5, stochastic=False
        ),
        "information.mixture.pairwise_bounds": call(mixture.pairwise_bounds, **latent, block=5),
        "information.mixture.Measurement.interval": call(measured.interval, quantity="latent_entropy", level=0.9),
        "information.population.population_bracket": call(
            population.population_bracket, 3, **latent, held_out=_random(5, 3), samples=1, seed=0, block=5
        ),
        "information.estimators.kozachenko_leonenko": call(
            estimators.kozachenko_leonenko, points=LATENTS.double(), k=3
        ),
        "information.estimators.ksg": call(estimators.ksg, 2, **points, k=3, variant=1, metric="maximum"),
        "information.estimators.ksg 2": call(estimators.ksg, 2, **points, k=2, variant=2, metric="euclidean"),
        "information.estimators.ross": call(estimators.ross, 2, points=LATENTS, labels=LABELS, k=3),
        "information.estimators.binning": call(estimators.binning, **points, width=0.5),
        "information.estimators.gaussian_plug_in": call(estimators.gaussian_plug_in, **points),
        "information.comparison.gaussian_channel": call(
            comparison.gaussian_channel, 10, ("nan",), information=0.5, dimension=1, count=50, k=3, width=0.5, seed=0
        ),  # the Gaussian estimate is NaN where there are too few points for it
        "information.comparison.class_channel": call(
            comparison.class_channel, 10, separation=1.0, dimension=1, count=50, k=3, width=0.5, seed=0
        ),
        "information.diagram.atom_name": call(diagram.atom_name, inside=["X"], names=["X", "Y"]),
        "information.diagram.atoms": call(diagram.atoms, joint=CHAIN),
        "information.diagram.definition": call(diagram.definition, quantity="I[X;Y]", names="X Y", unit="bits"),
        "information.diagram.latex": call(diagram.latex, quantity="I[X;Y]"),
        "information.diagram.i_measure": call(diagram.i_measure, quantity="I[X;Y]", joint=JOINT),
        "information.diagram.named_regions": call(diagram.named_regions, joint=CHAIN),
        "information.diagram.region": call(diagram.region, quantity="I[X;Y]", names="X Y"),
        "information.geometry.layout": call(geometry.layout, 10, joint=JOINT),
        # bottleneck
        "bottleneck.tabular.solve": call(
            tabular.solve, 8, ("inf",), **table, beta=[1.5, 5.0], alpha=1.0, sweeps=500, seed=0, normalize=False
        ),
        "bottleneck.tabular.solve 2": call(
            tabular.solve, 8, ("inf",), **table, beta=4.0, alpha=0.5, restarts=2, sweeps=200, seed=0, normalize=True
        ),  # no upper bound of the gap was tried
        "bottleneck.clustering.agglomerative": call(
            clustering.agglomerative, 2, ("inf",), **table, beta=3.0, clusters=2, normalize=False
        ),
        "bottleneck.clustering.sequential": call(
            clustering.sequential, 2, ("inf",), **table, clusters=2, beta=3.0, restarts=2, seed=0, normalize=False
        ),
        "bottleneck.contraction.critical_beta": call(
            contraction.critical_beta, 4, ("inf",), **table, normalize=False
        ),  # X tells nothing of Y
        "bottleneck.contraction.first_birth": call(
            contraction.first_birth, 8, ("inf",), **table, seconds=0.05, normalize=False
        ),
        "bottleneck.curve.envelope": call(curve.envelope, rate=[1.0, 2.0], relevance=[0.2, 1.0]),
        "bottleneck.curve.solve_squared": call(curve.solve_squared, 40, ("inf",), **table, beta=[0.6], normalize=False),
        "bottleneck.gaussian.GaussianBottleneck": call(
            gaussian.GaussianBottleneck, covariance=COVARIANCE.double().tolist(), inputs=1
        ),
        "bottleneck.gaussian.GaussianBottleneck.rate": call(ib.rate, beta=[2.0, 20.0]),
        "bottleneck.gaussian.GaussianBottleneck.relevance": call(ib.relevance, beta=20.0),
        "bottleneck.gaussian.GaussianBottleneck.projection": call(ib.projection, beta=20.0),
        "bottleneck.gaussian.GaussianBottleneck.relevance_at": call(ib.relevance_at, rate=[0.1, 1.0]),
        "bottleneck.lagrangian.lagrangian": call(
            lagrangian.lagrangian, **table, encoder=encoder, beta=2.0, alpha=0.5, normalize=False
        ),
        "bottleneck.lagrangian.unified": call(
            lagrangian.unified, **table, encoder=encoder, beta=2.0, alpha=0.5, normalize=False
        ),
        "bottleneck.lagrangian.unified_weight": call(lagrangian.unified_weight, beta=2.0),
        # objectives
        "objectives.cross_entropies.decoder_cross_entropy": call(
            objectives.decoder_cross_entropy, logits=LOGITS, labels=LABELS
        ),
        "objectives.cross_entropies.prediction_cross_entropy": call(
            objectives.prediction_cross_entropy, logits=LOGITS[None], labels=LABELS
        ),
        "objectives.cross_entropies.training_error_bounds": call(
            objectives.training_error_bounds, cross_entropy=torch.tensor([0.3])
        ),
        "objectives.unified.weight": call(objectives.weight, objective="l2", beta_prime=0.1),
        "objectives.unified.loss": call(
            objectives.loss, 2, logits=LOGITS, **of, objective="vib", gamma=0.1, noise_variance=0.1, label_smoothing=0.1
        ),
        "objectives.surrogates.Objective.gamma": call(objectives.OBJECTIVES["l2"].gamma, beta_prime=0.1),
        "objectives.surrogates.Objective.beta_prime": call(objectives.OBJECTIVES["l2"].beta_prime, gamma=0.1),
        **{
            f"objectives.surrogates.Objective {name}": call(objective, 1, **of, classes=3, noise_variance=0.1)
            for name, objective in objectives.OBJECTIVES.items()
        },
        # data
        "data.augmentation.augment": call(
            augmentation.augment, images=images, names=["flip", "shift"], generator=torch.Generator()
        ),
        "data.datasets.Dataset": call(
            datasets.Dataset,
            name="mine",
            train_images=images,
            train_labels=labels,
            test_images=images,
            test_labels=labels,
            classes=tuple("0123456789"),
            mean=torch.ones(1),
            std=torch.ones(1),
        ),
        "data.datasets.Dataset.normalize": call(digits().normalize, images=images),
        "data.datasets.load": call(datasets.load, 10, name="digits", folder=folder()),
        "data.datasets.load_folder": call(datasets.load_folder, path=folder() / "pictures", size=8, folder=folder()),
        "data.datasets.cached": call(datasets.cached, name="imagenette", folder=folder(), size=64),
        "data.label_noise.with_random_labels": call(
            label_noise.with_random_labels, data=digits(), fraction=0.5, seed=0
        ),
        # networks
        "networks.bottleneck.mlp": call(
            bottleneck.mlp, random=True, inputs=64, classes=10, latent_dimension=2, hidden=(8, 4), dropout=0.1
        ),
        "networks.bottleneck.convnet": call(
            bottleneck.convnet, 2, random=True, inputs=(1, 8, 8), classes=10, latent_dimension=2, width=4, dropout=0.1
        ),
        "networks.bottleneck.resnet": call(
            bottleneck.resnet,
            10,
            random=True,
            inputs=(3, 16, 16),
            classes=10,
            latent_dimension=2,
            width=8,
            norm="group",
        ),
        "networks.bottleneck.from_architecture": call(
            bottleneck.from_architecture,
            random=True,
            architecture={"network": "mlp", "latent_dimension": 2, "hidden": [4], "dropout": 0.0},
            inputs=(1, 8, 8),
            classes=10,
        ),
        "networks.bottleneck.from_backbone": call(
            bottleneck.from_backbone, random=True, backbone=torch.nn.Flatten(), inputs=(1, 8, 8), classes=10
        ),
        "networks.ensemble.Ensemble": call(ensemble.Ensemble, networks=[network(), network()]),
        "networks.ensemble.Ensemble.network": call(model.network, m=1),
        "networks.variational.Variational": call(
            variational.Variational, random=True, inputs=64, classes=10, latent_dimension=3, hidden=(8,)
        ),
        "networks.variational.rate": call(lambda mean, std: variational.rate(variational.Encoding(mean, std)), **rates),
        # records
        "records.record.Record": call(
            record.Record,
            runs=({"seed": 0},),
            epochs=torch.tensor([0, 1]),
            quantities={"test/error": torch.ones(1, 2)},
            errors={},
            latents=_random(1, 5, 2),
            labels=torch.arange(5) % 3,
            decoder_weight=_random(1, 3, 2),
            decoder_bias=_random(1, 3),
            provenance=provenance(data="digits"),
        ),
        "records.record.Record.select": call(found.select, objective="l2"),
        "records.record.Record.take": call(found.take, numbers=[0, 2]),
        "records.record.Record.value": call(found.value, name="test/l2", epoch=1),
        "records.record.Record.save": call(found.save, 3, path=folder() / "saved.safetensors"),
        "records.record.Record.load": call(record.Record.load, path=record_file()),
        "records.joining.concatenate": call(joining.concatenate, 2, records=[found.take([0]), found.take([1])]),
        "records.shipped.load": call(shipped.load, 2, file="mnist-vib"),
        "records.shipped.find": call(shipped.find, file="mnist-vib"),
        # training
        "training.runs.Run": call(runs.Run, objective="vib", gamma=0.1, beta_prime=0.1, seed=0),
        "training.runs.Run.of": call(runs.Run.of, objective="l2", gamma=0.1, seed=1),
        "training.runs.grid": call(runs.grid, objectives=["l2", "vib"], gammas=[0.1, 1.0], seeds=[0, 1]),
        "training.runs.build": call(runs.build, 3, make=network, runs=RUNS),
        "training.settings.Settings": call(
            settings.Settings,
            epochs=2,
            batch_size=10,
            learning_rate=0.01,
            optimizer="adam",
            weight_decay=0.1,
            label_smoothing=0.1,
            train_examples=20,
            augment=("flip",),
            noise=True,
            measure_every=1,
            eval_examples=20,
            keep_latents=5,
            information=False,
            low_precision=False,
            compile=False,
        ),
        "training.settings.Settings.of": call(settings.Settings.of, epochs=2, batch_size=10),
        "training.loop.fit": call(
            loop.fit, 40, model=network(), data=digits(), runs=RUNS[0], **QUICK, learning_rate=0.01, information=True
        ),
        "training.loop.fit ensemble": call(
            loop.fit, 40, model=pair(), data=digits(), runs=RUNS, **QUICK, checkpoint=folder() / "c"
        ),
        "training.measuring.encode": call(
            measuring.encode, 3, ("nan", "inf"), model=network(), data=digits(), images=images
        ),  # what a network makes is shown as it is: training watches it
        "training.remake.remake": call(remake, 60, record=found, dataset=digits(), device="cpu", progress=False),
        "training.remake.largest_difference": call(largest_difference, 2, one=found, other=found),
        "training.checkpoints.save_network": call(
            checkpoints.save_network, 3, path=folder() / "n", network=network(), inputs=(1, 8, 8)
        ),
        "training.checkpoints.load_network": call(checkpoints.load_network, 3, path=network_file()),
        "training.devices.pick_device": call(devices.pick_device, device="cpu"),
        "training.jobs.plan": call(
            jobs.plan,
            15,
            data="digits",
            architecture={"network": "mlp", "hidden": [4]},
            runs=RUNS,
            together=2,
            epochs=1,
        ),
        "training.jobs.train": call(jobs.train, 200, job=job, device="cpu", progress=False),
        "training.sweeps.run": call(
            sweeps.run, 200, jobs=[job], folder=folder() / "sweep", device="cpu", progress=False
        ),
        "training.variational.fit_vib": call(
            variational_training.fit_vib,
            40,
            model=variational_model,
            data=digits(),
            beta=0.1,
            **quick,
            decay=0.9,
            seed=0,
        ),
        "training.variational.evaluate": call(
            variational_training.evaluate, 5, model=variational_model, data=digits(), samples=2, seed=0
        ),
        "training.variational.record": call(
            variational_training.record,
            60,
            data=digits(),
            beta=0.1,
            seed=0,
            latent_dimension=3,
            hidden=(8,),
            **quick,
            measure_every=1,
            samples=2,
            device="cpu",
        ),
        # evaluation
        "evaluation.prediction.paired_draws": call(prediction.paired_draws, samples=4, dimension=2, seed=0),
        "evaluation.prediction.Prediction": call(
            prediction.Prediction, 3, networks=network(), data=digits(), samples=4, seed=0, noise=True
        ),
        "evaluation.prediction.Prediction.pixels": call(predict.pixels, images=images),
        "evaluation.prediction.Prediction.forward": call(predict.forward, pixels=predict.pixels(images)),
        "evaluation.prediction.Prediction.of_first": call(predict.of_first, draws=2),
        "evaluation.prediction.probabilities": call(
            prediction.probabilities, 4, networks=pair(), data=digits(), images=images, samples=4, seed=0, noise=True
        ),
        "evaluation.sampling.draw": call(
            sampling.draw, 20, trained=drawn(), data=digits(), samples=2, eval_examples=10
        ),
        "evaluation.sampling.grouped": call(sampling.grouped, log_likelihood=-_random(4, 6).abs(), samples=2),
        "evaluation.sampling.log_likelihoods": call(
            sampling.log_likelihoods, 4, model=network(), data=digits(), images=images, labels=labels, samples=2, seed=0
        ),
        "evaluation.calibration.reliability": call(
            calibration.reliability, 1, ("nan",), **predicted, bins=5
        ),  # empty bins have no accuracy
        "evaluation.calibration.expected_calibration_error": call(
            calibration.expected_calibration_error, **predicted, bins=5
        ),
        "evaluation.calibration.calibration_floor": call(
            calibration.calibration_floor, 3, probabilities=_simplex(24, 3), bins=5, draws=5, seed=0
        ),
        "evaluation.ood.msp_score": call(ood.msp_score, probabilities=_simplex(5, 3)),
        "evaluation.ood.predictive_entropy": call(ood.predictive_entropy, probabilities=_simplex(5, 3)),
        "evaluation.ood.ClassGaussians.fit": call(ood.ClassGaussians.fit, **of, classes=3, noise_variance=0.1),
        "evaluation.ood.ClassGaussians.surprise": call(gaussians.surprise, latents=_random(5, 3), samples=4, seed=0),
        "evaluation.ood.auroc": call(ood.auroc, in_distribution=_random(2, 6), ood=_random(2, 5)),
        "evaluation.ood.ood_images": call(ood.ood_images, data=digits(), kind="shuffled", count=4, seed=0),
        # display
        "display.live.photographs.samples": call(photographs.samples, 3, size=8),
        "display.live.photographs.show": call(photographs.show, images=images, alt="Digits.", columns=3),
        "display.live.diagrams.diagram": call(diagrams.diagram, 60, joints=JOINT, label="", state=None),
        "display.live.diagrams.quantities": call(diagrams.quantities, names=["A", "B"], chain=False),
        "display.live.distribution.distribution": call(
            distribution.distribution, 200, record=found, pairs=False, dimensions=2
        ),
        "display.live.explore.explore": call(
            explore.explore, 40, draw=_line, alt="A line.", title="Line", size=(4.0, 3.0), slope=[1, 2]
        ),
        "display.chapters.chapter_02.hamming": call(chapter_02.hamming, symbols=3, error=0.1),
        "display.chapters.chapter_03.one_digit": call(chapter_03.one_digit, 400, draws=5),
        "display.chapters.chapter_03.by_samples": call(chapter_03.by_samples, 400, draws=5),
        "display.chapters.chapter_03.error_bounds": call(chapter_03.error_bounds, 400, draws=5),
        "display.chapters.chapter_04.scaling": call(chapter_04.scaling, 200, latents=_random(30, 2), labels=LABELS),
        "display.chapters.chapter_04.with_and_without": call(
            chapter_04.with_and_without, 200, noisy=found, noiseless=found
        ),
        "display.chapters.chapter_05.latents": call(chapter_05.latents, 200, record=found),
        "display.chapters.chapter_05.bounds": call(chapter_05.bounds, 200, record=found),
        "display.chapters.chapter_05.error_bound": call(chapter_05.error_bound, 200, record=found),
        "display.chapters.chapter_06.bracket": call(chapter_06.bracket, 400, latents=_random(2, 30, 2), gammas=[0, 1]),
        "display.chapters.chapter_07.information_plane": call(chapter_07.information_plane, 200, record=found),
        "display.chapters.chapter_07.network_diagram": call(chapter_07.network_diagram, 200, record=found),
        "display.chapters.chapter_09.robustness": call(chapter_09.robustness, 200, record=found),
        "display.chapters.chapter_09.reliability_diagram": call(
            chapter_09.reliability_diagram, 200, **predicted, record=found, bins=5
        ),
        # the checks themselves
        "checks.number": call(lambda value: checks.number("x", value, minimum=0), value=0.5),
        "checks.whole": call(lambda value: checks.whole("n", value), value=3),
        "checks.seed": call(lambda value: checks.seed("seed", value), value=3),
        "checks.flag": call(lambda value: checks.flag("flag", value), value=True),
        "checks.several": call(
            lambda values: checks.several("names", values), loose=("nan", "inf"), values=[1, 2]
        ),  # the values are the caller's to check
        "checks.known": call(lambda name: checks.known("name", name, ["a", "b"]), name="a"),
        "checks.real": call(lambda tensor: checks.real("x", tensor, "... N K"), tensor=LATENTS),
        "checks.labels": call(lambda tensor: checks.labels("y", tensor, "N", 3), tensor=LABELS),
    }


def _line(axes, slope):
    axes.plot([0, 1], [0, slope])


INNER = "works on what its caller has checked"
RESULT = "holds a result: nothing is passed to it by hand"
MACHINE = "about this machine or a terminal, without arguments that could be wrong"
OWN = "has kill, damage or unit tests of its own: "
TORCH = "a module of torch, called with tensors of its own making"


def _of(module: str, why: str, names: str) -> dict[str, str]:
    return {f"{module}.{name}": why for name in names.split()}


NOT_FUZZED = {  # a callable, or a module and all that is in it -> why
    "badges": OWN + "test_packaging",
    "launches": OWN + "test_launches",
    "course": RESULT,
    "notation": RESULT,
    "machine": MACHINE,
    "consoles": MACHINE,
    "cli": OWN + "test_cli, with its own texts",
    "commands": OWN + "test_cli",
    "rewriting": OWN + "test_notebook_links",
    "errors": RESULT,
    "site": "writes a website out of the repository: tests of its own",
    "precision": INNER,
    "files": OWN + "test_files",
    "checks.broadcast": INNER,
    "checks.dense": INNER,
    "checks.memory": INNER,
    "checks.finite_parameters": INNER,
    "data.datasets.check_data": INNER,
    "objectives.cross_entropies.finite_cross_entropy": INNER,
    **_of("records.record", INNER, "Latents check_record latents_of"),
    "seeds": INNER,
    "bottleneck.generalized": INNER,
    "bottleneck.births": INNER,
    "bottleneck.blahut_arimoto": INNER,
    "bottleneck.deterministic": INNER,
    "bottleneck.exhaustive": INNER,
    "bottleneck.cores": INNER,
    "training.recipes": OWN + "test_recipes",
    "training.scaling": INNER,
    "bottleneck.lagrangian.two_variables": INNER,
    "information.discrete.entropy_terms": INNER,
    "information.neighbours": INNER,
    "information.population.Bracket": RESULT,
    "information.diagram.Region": RESULT,
    "data.augmentation.known": INNER,
    "data.datasets.check_images": INNER,
    "data.datasets.is_folder": INNER,
    "data.datasets.Dataset.to": "passes a device on to torch",
    "data.folders": INNER,
    "data.sources": INNER,
    "networks.modes": INNER,
    "networks.fingerprints": "takes any module: tests of its own",
    "networks.resnets": "a module of torch, which checks its images",
    "records.joining.joined_facts": INNER,
    "records.provenance": INNER,
    "records.shipped.names": MACHINE,
    "training.batches": INNER,
    "training.executors": "starts processes: tests of its own",
    "training.forecast": INNER,
    "training.guard": INNER,
    "training.interrupts": INNER,
    "training.resuming": INNER,
    "training.settings.Settings.as_dict": RESULT,
    "training.suitable": INNER,
    "training.threads": INNER,
    "training.measuring.measure_networks": INNER,
    "evaluation.attacks": OWN + "test_attacks",
    "evaluation.ood.AUROC": RESULT,
    "evaluation.ood.ClassGaussians": RESULT,
    "evaluation.prediction.Prediction.latents": INNER,
    "evaluation.prediction.Prediction.blocks": INNER,
    "evaluation.prediction.finite": INNER,
    "evaluation.sampling.Draws": RESULT,
    "display": "scenes and their machinery: tests of their own, in browsers too",
    **_of("bottleneck.contraction", INNER, "back beginnings bent from_below lowest_ratio total_variation"),
    **_of("bottleneck.contraction", RESULT, "FirstBirth"),
    **_of("bottleneck.tabular", INNER, "for_all information_of sources trade_offs"),
    **_of("bottleneck.tabular", RESULT, "Solution"),
    **_of("evaluation.calibration", RESULT, "Floor Reliability"),
    **_of("information.geometry", INNER, "Layout intersection_area layout_of"),
    **_of("information.mixture", INNER, "Mixture log_sum_exp"),
    **_of("information.mixture", RESULT, "Bounds Estimate Measurement"),
    **_of("networks.bottleneck", INNER, "use_running_statistics running_statistics"),
    **_of("networks.bottleneck", TORCH, "Bottleneck"),
    **_of("networks.ensemble", INNER, "stackable Ensemble.stacked"),
    **_of("networks.ensemble", TORCH, "Ensemble.forward Ensemble.train"),
    **_of("networks.variational", INNER, "Encoding rates"),
    **_of("networks.variational", TORCH, "Variational.decode Variational.encode Variational.forward"),
    **_of("training.checkpoints", INNER, "Checkpoint optimizer_state part restore_optimizer"),
    **_of("training.devices", INNER, "batch_that_fits low_precision_for low_precision_of memory_format"),
    **_of("training.jobs", INNER, "Job kept run_job"),
    **_of("training.variational", RESULT, "Epoch Evaluation"),
    **_of("objectives.cross_entropies", INNER, "decoder_log_likelihood fits log_mean_likelihood checked_labels"),
    **_of("objectives.cross_entropies", RESULT, "CrossEntropy ErrorBounds Fits"),
    **_of("objectives.surrogates", INNER, "moments"),
    **_of("objectives.surrogates", RESULT, "Moments"),
    **_of("objectives.unified", INNER, "loss_terms"),
    **_of("objectives.unified", RESULT, "LossTerms"),
}
