"""Adversarial attacks: how far an image must be changed before a trained network is wrong about it.

The attacks are those of foolbox (``pip install "ibteach[attacks]"``), on the prediction averaged over the noise
(`ibteach.evaluation.prediction`). Two things make a network look robust that is not, and both are seen to here:

- Randomness. An attacker who follows the gradient of one draw of the noise is led astray by it; following the gradient
  of the mean over draws, the *expectation over transformation*, is not (Athalye, Carlini & Wagner 2018).
- Saturation. Where the network is very sure, the gradient of the cross-entropy −ln q(y|x) underflows to zero and the
  attack stands still. The log-odds ln (1 − q)/q grow with it and so have a gradient of the same direction, and never
  vanish (Carlini & Wagner 2017 take the difference of logits for the same reason).
"""

import importlib.metadata
import math
import sys
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ibteach import checks, seeds
from ibteach.data.datasets import Dataset
from ibteach.errors import InvalidInput, Unavailable
from ibteach.evaluation.prediction import SAMPLES, Prediction
from ibteach.networks.bottleneck import Bottleneck
from ibteach.networks.ensemble import Ensemble
from ibteach.records.provenance import provenance
from ibteach.records.record import Record


@dataclass(frozen=True)
class Attack:
    """An attack of foolbox: its classes there by the norm it keeps, and its settings.

    Of each ε a new image is sought within it, except where `smallest`: there one image is sought, as near as possible.
    """

    title: str
    source: str
    classes: dict[str, str]
    settings: dict
    smallest: bool = False


ATTACKS = {
    "fgsm": Attack(
        "FGSM",
        "Goodfellow et al. 2015",
        {"linf": "LinfFastGradientAttack", "l2": "L2FastGradientAttack"},
        {"random_start": False},
    ),
    "bim": Attack(
        "basic iterative",
        "Kurakin et al. 2017",
        {"linf": "LinfBasicIterativeAttack", "l2": "L2BasicIterativeAttack"},
        {"steps": 10, "rel_stepsize": 0.2, "random_start": False},
    ),
    "pgd": Attack(
        "PGD",
        "Madry et al. 2018",
        {"linf": "LinfProjectedGradientDescentAttack", "l2": "L2ProjectedGradientDescentAttack"},
        {"steps": 20, "rel_stepsize": 2.5 / 20, "random_start": True},
    ),
    "deepfool": Attack(
        "DeepFool",
        "Moosavi-Dezfooli et al. 2016",
        {"linf": "LinfDeepFoolAttack", "l2": "L2DeepFoolAttack"},
        {"steps": 50, "candidates": 10, "overshoot": 0.02},
        smallest=True,
    ),
}
"""Name → `Attack`; step sizes are shares of ε."""

NORMS = {"linf": "L∞", "l2": "L2"}
EPSILONS = tuple(levels / 255 for levels in (0, 1, 2, 4, 8, 16))


def quantity(attack: str, epsilon: float) -> str:
    """The name, in a Record of `robustness`, of the error under an attack of size ε.

    >>> quantity("pgd", 8 / 255)
    'pgd/0.03137/error'
    """
    return f"{attack}/{epsilon:.4g}/error"


def robustness(
    networks: Bottleneck | Ensemble | Sequence[Bottleneck],
    data: Dataset,
    trained: Record,
    *,
    attacks: Iterable[str] = tuple(ATTACKS),
    epsilons: Iterable[float] = EPSILONS,
    norm: str = "linf",
    subset: int = 200,
    samples: int = SAMPLES,
    averaged: int | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Record:
    """Error of trained networks on the first test images, as they are and under attack.

    An attack that finds nothing proves nothing: each error is a lower bound of what the strongest attacker would reach.
    PGD begins anywhere within ε and takes 20 steps where FGSM takes one, so an error under PGD that lies clearly
    *below* that under FGSM says that gradients mislead, not that the network is robust.

    Args:
        networks: one, an ensemble, or several (which may have batch normalisation); they stay as they are.
        data: what they were trained on; pixels count as shares of its largest value (`Prediction`).
        trained: the Record that `fit` returned of them: their runs, their last epoch, and whether they have noise.
        attacks: of `ATTACKS`. FGSM, basic iterative and PGD look for a wrong answer within each ε. DeepFool looks for
            the nearest wrong answer; it counts where that lies within ε.
        epsilons: sizes ≥ 0 of the change in that norm, increasing; 0 is the image as it is.
        norm: ``"linf"``, the most that any pixel changes, or ``"l2"``, the root of the sum of squares.
        subset: how many test images, the first of the data set's fixed order.
        samples: draws of the noise in the prediction.
        averaged: of how many of these draws the attacker takes the gradient; all by default. With 1 randomness is
            mistaken for robustness.
        seed: of the noise, and of PGD's random starts.
        progress: show a bar with the time left.

    Returns a `Record` of the same runs at their last epoch. Shares of images, with their binomial standard errors, of
    which those that are wrong as they are count under every attack: ``clean/error``; ``pgd/0.03137/error`` and the
    like (`quantity`); ``any/…/error``, of images that any of these attacks of at most that ε turns wrong. With
    DeepFool, ``deepfool/distance``: the median over images of the change it needs, in that norm; 0 for images that
    were wrong before, the whole range (1, or √D of D pixels) where it found none. Raises `InvalidInput` and
    `UnknownName` before any work, `Unavailable` without foolbox.

    >>> from ibteach.data.datasets import load
    >>> from ibteach.training.loop import Run, build, fit
    >>> from ibteach.networks.bottleneck import mlp
    >>> digits, run = load("digits"), Run.of("l2", gamma=0.01)
    >>> network = build(lambda: mlp(digits.shape, classes=10), run)
    >>> record = fit(network, digits, run, epochs=5, eval_examples=500, progress=False)
    >>> found = robustness(network, digits, record, attacks=["fgsm"], epsilons=[0, 0.1], progress=False)
    >>> (found.value("fgsm/0/error") == found.value("clean/error")).item()
    True
    >>> (found.value("fgsm/0.1/error") > found.value("clean/error")).item()
    True
    """
    names = [checks.known("attack", name, ATTACKS) for name in checks.several("attacks", attacks)]
    epsilons, norm = _epsilons(epsilons), checks.known("norm", norm, NORMS)
    groups = [networks] if isinstance(networks, nn.Module) else list(checks.several("networks", networks))
    count = sum(len(group) if isinstance(group, Ensemble) else 1 for group in groups)
    if not names or not isinstance(trained, Record) or len(trained.runs) != count:
        came = f"{len(trained.runs)} runs" if isinstance(trained, Record) else type(trained).__name__
        raise InvalidInput(
            f"trained: got {came} for {count} networks and the attacks {names}, expected at least one attack, and the "
            "Record that fit returned of these networks."
        )
    training = trained.provenance.get("configuration") or {}
    options = {"samples": samples, "seed": seed, "noise": training.get("noise", True)}
    judges = [Prediction(group, data, **options) for group in groups]
    subset = checks.whole("subset", subset, maximum=len(data.test_labels))
    averaged = samples if averaged is None else checks.whole("averaged", averaged, maximum=samples)
    _foolbox()

    settings = {
        **{"attacks": {name: ATTACKS[name].settings for name in names}, "epsilons": epsilons, "norm": norm},
        **{"levels": judges[0].levels, "subset": subset, "samples": samples, "averaged": averaged, "seed": seed},
        **{"foolbox": importlib.metadata.version("foolbox")},
    }

    started, tables = time.perf_counter(), []
    work = [(judge, block) for judge in judges for block in judge.blocks(subset, BLOCK)]
    with tqdm(
        total=len(work) * len(names), desc="attacks", unit="step", ncols=88, file=sys.stdout, disable=not progress
    ) as bar:
        for judge in judges:
            blocks = []
            for block in judge.blocks(subset, BLOCK):
                labels = data.test_labels[:subset][block]
                pixels = judge.pixels(data.test_images[:subset][block]).expand(len(judge), *[-1] * 4)
                found = {"clean": _wrong(judge, pixels, labels)}
                for name in names:
                    found |= _under(judge, pixels, labels, name, epsilons, norm, averaged, seed)
                    bar.update()
                blocks.append(found)
            tables.append({name: torch.cat([found[name] for found in blocks], 1) for name in blocks[0]})
    each = {name: torch.cat([table[name] for table in tables]) for name in tables[0]}

    distance = each.pop("deepfool", None)
    each = {"clean/error": each.pop("clean")} | {quantity(*name): wrong for name, wrong in each.items()}
    each |= _any(each, names, epsilons)
    values = {name: wrong.double().mean(1) for name, wrong in each.items()}
    errors = {name: (share * (1 - share) / subset).sqrt() for name, share in values.items()}
    if distance is not None:
        values["deepfool/distance"], errors["deepfool/distance"] = _median(distance)
    return Record(
        runs=trained.runs,
        epochs=trained.epochs[-1:],
        quantities={name: value[:, None] for name, value in values.items()},
        errors={name: error[:, None] for name, error in errors.items()},
        provenance=provenance(
            data=data.name,
            device=judges[0].draws.device,
            wall_seconds=time.perf_counter() - started,
            configuration={**training, "attacks": settings},
            trained=trained.provenance,
        ),
    )


def perturb(
    network: Bottleneck | Ensemble,
    data: Dataset,
    images: Tensor,
    labels: Tensor,
    attack: str = "pgd",
    epsilon: float = 8 / 255,
    *,
    norm: str = "linf",
    averaged: int | None = None,
    seed: int = 0,
    **options,
) -> Tensor:
    """The images that an attack makes of images as bytes (N, C, H, W): pixels (M, N, C, H, W) in [0, 1].

    They are at most ε away, whether they deceive the network or not. Other arguments and errors: `robustness`;
    `options`: `Prediction`.

    >>> from ibteach.data.datasets import load
    >>> from ibteach.networks.bottleneck import mlp
    >>> digits = load("digits")
    >>> images, labels = digits.test_images[:3], digits.test_labels[:3]
    >>> changed = perturb(mlp(digits.shape, classes=10), digits, images, labels, "fgsm", epsilon=0.25)
    >>> (changed - images / 16).abs().amax().item()
    0.25
    """
    checks.known("attack", attack, ATTACKS)
    [epsilon], norm = _epsilons([epsilon]), checks.known("norm", norm, NORMS)
    judge = Prediction(network, data, seed=seed, **options)
    draws = len(judge.draws)
    averaged = draws if averaged is None else checks.whole("averaged", averaged, maximum=draws)
    checks.labels("labels", labels, "N", len(data.classes))
    if len(labels) != len(images):
        raise InvalidInput(f"labels: got {len(labels)} for {len(images)} images, expected one each.")
    pixels = judge.pixels(images).expand(len(judge), *[-1] * 4)
    _, [changed] = _changed(judge, pixels, labels, attack, [epsilon], norm, averaged, seed)
    return changed


BLOCK = 500
"""Images attacked at once, counted once for each network: DeepFool keeps a gradient of each for every class."""


def _wrong(judge, pixels, labels):
    with torch.no_grad():
        return (judge(pixels).argmax(-1) != labels.to(pixels.device)).cpu()


def _under(judge, pixels, labels, name, epsilons, norm, averaged, seed):
    """Which images are wrong under an attack, (attack, ε) → (M, N), and DeepFool's distances."""
    clean = _wrong(judge, pixels, labels)
    nearest, changed = _changed(judge, pixels, labels, name, [e for e in epsilons if e > 0], norm, averaged, seed)
    under = iter([clean | _wrong(judge, one, labels) for one in changed])  # an attacker leaves alone what is wrong
    found = {(name, epsilon): next(under) if epsilon > 0 else clean for epsilon in epsilons}
    if ATTACKS[name].smallest:
        order = math.inf if norm == "linf" else 2
        whole = 1.0 if norm == "linf" else math.sqrt(pixels[0, 0].numel())
        size = torch.linalg.vector_norm((nearest - pixels).flatten(2), order, dim=-1).cpu()
        size = size.where(_wrong(judge, nearest, labels), torch.tensor(whole))
        found["deepfool"] = size.where(~clean, torch.tensor(0.0))
    return found


def _changed(judge, pixels, labels, name, epsilons, norm, averaged, seed):
    """The nearest image that the attack found (of the last ε, where it looks for none), and one within each ε."""
    foolbox, attack = _foolbox(), ATTACKS[name]
    members = len(judge)
    run = getattr(foolbox.attacks, attack.classes[norm])(**attack.settings)
    if not attack.smallest:
        run.get_loss_fn = _log_odds
    attacked = nn.Sequential(
        nn.Unflatten(0, (members, -1)), judge.of_first(min(averaged, len(judge.draws))), nn.Flatten(0, 1)
    ).eval()
    model = foolbox.PyTorchModel(attacked, bounds=(0, 1), device=pixels.device)
    start, truth = pixels.flatten(0, 1), labels.to(pixels.device).repeat(members)
    nearest, changed = start, []
    for sizes in [epsilons] if attack.smallest else [[epsilon] for epsilon in epsilons]:
        with seeds.drawing(seed, "attack", pixels.device):  # anew for each ε: none depends on which others there are
            found, within, _ = run(model, start, truth, epsilons=sizes)
        nearest = found[-1]
        changed += [one.unflatten(0, (members, -1)) for one in within]
    return nearest.unflatten(0, (members, -1)), changed


def _log_odds(model, labels):
    """What FGSM and PGD climb: Σ ln (1 − q(y|x)) / q(y|x), from log-probabilities, so that it never saturates."""
    import eagerpy

    def loss(inputs):
        log_q = model(inputs).raw
        true = nn.functional.one_hot(labels.raw, log_q.shape[-1]).bool()
        others = log_q.masked_fill(true, -math.inf).logsumexp(-1)
        return eagerpy.astensor((others - log_q[true]).sum())

    return loss


def _any(each, names, epsilons):
    """Which images any attack of at most that ε turns wrong."""
    worst, so_far = {}, each["clean/error"]
    for epsilon in epsilons:
        for name in names:
            so_far = so_far | each[quantity(name, epsilon)]
        worst[quantity("any", epsilon)] = so_far
    return worst


def _median(values):
    """Median of (M, N) and its standard error: half the distance of the values one standard error of ranks away."""
    ordered, count = values.double().sort(1).values, values.shape[1]
    middle, reach = (count - 1) / 2, math.sqrt(count) / 2
    low, high = max(0, round(middle - reach)), min(count - 1, round(middle + reach))
    median = (ordered[:, math.floor(middle)] + ordered[:, math.ceil(middle)]) / 2
    return median, (ordered[:, high] - ordered[:, low]) / 2


def _epsilons(given) -> list[float]:
    sizes = [checks.number("epsilon", epsilon, minimum=0) for epsilon in checks.several("epsilons", given)]
    if not sizes or sorted(sizes) != sizes or len({quantity("any", size) for size in sizes}) < len(sizes):
        raise InvalidInput(f"epsilons: got {sizes}, expected increasing sizes that differ in their first four digits.")
    return sizes


def _foolbox():
    try:
        with warnings.catch_warnings():
            # foolbox 3.3.4 takes a filter from where SciPy does not want it taken any longer; we do not use it.
            warnings.filterwarnings("ignore", "Please (import|use) `gaussian_filter`", DeprecationWarning)
            import foolbox
    except ImportError as error:
        raise Unavailable(f'attacks: need foolbox ({error}); python -m pip install "ibteach[attacks]".') from error
    return foolbox
