"""What is measured of networks under attack: error by attack and ε, the worst case of all, and what it gains.

Everything is judged by the prediction averaged over the noise (`ibteach.evaluation.prediction`), in blocks of images,
all networks of an ensemble at once.
"""

from __future__ import annotations

import importlib.metadata
import math
import sys
import time
import zlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ibteach import checks
from ibteach.data.datasets import Dataset
from ibteach.errors import InvalidInput
from ibteach.evaluation.attacks import lessons
from ibteach.evaluation.attacks.ball import NORMS, Ball
from ibteach.evaluation.attacks.hunt import Hunt
from ibteach.evaluation.attacks.judging import blocks, errs, images_of, without_gradient
from ibteach.evaluation.attacks.table import LESSONS, TRANSFER, chosen, runner
from ibteach.evaluation.attacks.transfer import lenders_of, transferred, uncompressed
from ibteach.evaluation.prediction import SAMPLES, Prediction
from ibteach.networks.bottleneck import Bottleneck
from ibteach.networks.ensemble import Ensemble
from ibteach.records.provenance import provenance
from ibteach.records.record import Record
from ibteach.seeds import generator, stream

if TYPE_CHECKING:
    from jaxtyping import Float, Int, UInt8

EPSILONS = tuple(levels / 255 for levels in (0, 1, 2, 4, 8, 16))
WORST, BLACK_ONLY, STILL = "any", "black-box-only", "gradient/zero"


def quantity(attack: str, epsilon: float, of: str = "error") -> str:
    """The name, in a Record of `robustness`, of the error under an attack of size ε.

    >>> quantity("pgd", 8 / 255)
    'pgd/0.03137/error'
    """
    return f"{attack}/{epsilon:.4g}/{of}"


def robustness(
    networks: Bottleneck | Ensemble | Sequence[Bottleneck],
    data: Dataset,
    trained: Record,
    *,
    attacks: Iterable[str] | None = None,
    epsilons: Iterable[float] = EPSILONS,
    norm: str = "linf",
    eval_examples: int = 200,
    samples: int = SAMPLES,
    eot_samples: int | None = None,
    sources: Bottleneck | Ensemble | Sequence[Bottleneck] = (),
    each: bool = True,
    seed: int = 0,
    progress: bool = True,
) -> Record:
    """Error of trained networks on the first test images, as they are and under attack.

    An attack that finds nothing proves nothing: each error is a lower bound of what the strongest attacker would reach.
    What counts is the worst case over several that are meant; `ibteach.evaluation.attacks.signs` asks whether the
    gradient was hidden from them.

    Args:
        networks: one, an ensemble, or several (which may have batch normalisation); they stay as they are.
        data: what they were trained on; pixels count as shares of its largest value (`Prediction`).
        trained: the Record that `fit` returned of them: their runs, their last epoch, and whether they have noise.
        attacks: of `ATTACKS`, ``pgd-STEPSxSTARTS`` or ``square-QUERIES``; by default all that are `MEANT` in this norm.
            DeepFool looks for the nearest wrong answer, and what it changes is cut to ε; all others look within
            each ε. Images that a meant attack has won at a smaller ε it leaves alone at larger ones.
        epsilons: sizes ≥ 0 of the change in that norm, increasing, none beyond the whole range of the pixels; 0 is the
            image as it is.
        norm: ``"linf"``, the most that any pixel changes, or ``"l2"``, the root of the sum of squares.
        eval_examples: how many test images, the first of the data set's fixed order.
        samples: draws of the noise in the prediction.
        eot_samples: of how many of these draws the attacker takes the gradient; all by default. With 1 randomness is
            mistaken for robustness.
        sources: more networks for the attack ``"transfer"``, which tries on every network the images that deceive
            others: the network of the next seed, that of γ = 0, and these.
        each: also measure every attack by itself. False: the worst case alone. An attack then goes on with what those
            before it left, first those that cost least, those without the gradient last: some three times as fast.
        seed: of the noise, and of all that attacks draw.
        progress: show a bar with the time left.

    Returns a `Record` of the same runs at their last epoch. Shares of images, with their binomial standard errors, of
    which those that are wrong as they are count under every attack: ``clean/error``; ``pgd/0.03137/error`` and the
    like (`quantity`), unless `each` is False; ``any/…/error``, the worst case: of images that any of these attacks of
    at most that ε turns wrong; ``any/…/gain``, by how much smaller it is than without compression (where γ = 0 of every
    seed is among the runs, of the same objective if there is one), with the standard error of the difference over
    images; ``black-box-only/…/error``, of images that only attacks without the gradient turn wrong, where there are
    both kinds; ``gradient/zero``, of images at which the gradient is zero, and all that follow it stand still. With
    DeepFool, ``deepfool/distance``: the median over images of the change it needs, in that norm; 0 for images that were
    wrong before, the whole range (1, or √D of D pixels) where it found none.

    Raises `InvalidInput` and `UnknownName` before any work, also where no network has a gradient that an attack could
    follow; `Unavailable` where a lesson is asked for without foolbox; `InvalidInput` also at work, where a network
    answers with no finite number.

    >>> from ibteach.data.datasets import load
    >>> from ibteach.training.loop import Run, build, fit
    >>> from ibteach.networks.bottleneck import mlp
    >>> digits, run = load("digits"), Run.of("l2", gamma=0.01)
    >>> network = build(lambda: mlp(digits.shape, classes=10), run)
    >>> record = fit(network, digits, run, epochs=5, eval_examples=500, progress=False)
    >>> found = robustness(network, digits, record, attacks=["pgd-20x2"], epsilons=[0, 0.1], progress=False)
    >>> (found.value("pgd-20x2/0/error") == found.value("clean/error")).item()
    True
    >>> (found.value("any/0.1/error") > found.value("clean/error")).item()
    True
    """
    norm, each = checks.known("norm", norm, NORMS), checks.flag("each", each)
    meant, sizes = chosen(attacks, norm), _epsilons(epsilons, norm, data)
    if not each:
        meant = dict(sorted(meant.items(), key=lambda one: (not one[1].white, one[1].effort)))
    groups = [networks] if isinstance(networks, nn.Module) else list(checks.several("networks", networks))
    others = [sources] if isinstance(sources, nn.Module) else list(checks.several("sources", sources))
    count = sum(len(group) if isinstance(group, Ensemble) else 1 for group in groups)
    if not meant or not isinstance(trained, Record) or len(trained.runs) != count:
        came = f"{len(trained.runs)} runs" if isinstance(trained, Record) else type(trained).__name__
        raise InvalidInput(
            f"trained: got {came} for {count} networks and the attacks {list(meant)}, expected at least one attack, "
            "and the Record that fit returned of these networks."
        )
    training = trained.provenance.get("configuration") or {}
    options = {"samples": samples, "seed": seed, "noise": training.get("noise", True)}
    judges, lenders = ([Prediction(group, data, **options) for group in of] for of in (groups, others))
    eval_examples = checks.whole("eval_examples", eval_examples, maximum=len(data.test_labels))
    eot_samples = samples if eot_samples is None else checks.whole("eot_samples", eot_samples, maximum=samples)
    borrowed = lenders_of(trained.runs)
    if "transfer" in meant and not lenders and all(not row for row in borrowed):
        raise InvalidInput("attacks: got 'transfer' for one network alone; give another as sources, or several seeds.")
    if LESSONS.keys() & meant:
        lessons.foolbox()
    still = all(
        without_gradient(judge, *images_of(judge, data, block)).all()
        for judge in judges
        for block in blocks(judge, data, min(50, eval_examples))
    )
    if still and any(attack.white for attack in meant.values()):
        raise InvalidInput(
            f"networks: got {count} whose prediction does not change with the pixels (all logits equal?), expected a "
            "gradient for an attack to follow; train them, or attack them with 'square' alone."
        )
    settings = {
        "attacks": {name: attack.settings for name, attack in meant.items()},
        "epsilons": sizes,
        "norm": norm,
        "levels": judges[0].levels,
        "eval_examples": eval_examples,
        "samples": samples,
        "eot_samples": eot_samples,
        "each": each,
        "seed": seed,
    }
    if LESSONS.keys() & meant:
        settings["foolbox"] = importlib.metadata.version("foolbox")

    started = time.perf_counter()
    work = [(judge, block) for judge in judges for block in blocks(judge, data, eval_examples)]
    tables = {judge: [] for judge in judges}
    with tqdm(
        total=len(work) * len(meant), desc="attacks", unit="step", ncols=88, file=sys.stdout, disable=not progress
    ) as bar:
        for judge, block in work:
            pixels, labels = images_of(judge, data, block)
            clean = errs(judge, pixels, labels)
            found = {"clean": clean, STILL: without_gradient(judge, pixels, labels)}
            lost = dict.fromkeys(sizes, clean)  # about which images no attack has to say more
            for name in [name for name in meant if name not in TRANSFER]:
                under = _under(judge, pixels, labels, clean, lost, name, norm, eot_samples, (seed, block.start))
                found |= under
                if not each:
                    lost = {epsilon: lost[epsilon] | under[name, epsilon] for epsilon in sizes}
                bar.update()
            tables[judge].append(found)
        by_attack = _joined([_joined(table, 1) for table in tables.values()], 0)
        if "transfer" in meant:
            by_attack |= transferred(judges, lenders, borrowed, data, by_attack["clean"], sizes, norm)
            bar.update(len(work))

    distance = by_attack.pop("deepfool", None)
    wrong = {"clean/error": by_attack.pop("clean"), STILL: by_attack.pop(STILL)}
    wrong |= _worst(wrong["clean/error"], by_attack, meant, sizes)
    if each:
        wrong |= {quantity(*name): found for name, found in by_attack.items()}
    values = {name: found.double().mean(1) for name, found in wrong.items()}
    errors = {name: (share * (1 - share) / eval_examples).sqrt() for name, share in values.items()}
    plain = uncompressed(trained.runs)
    if all(m is not None for m in plain):
        for epsilon in sizes:
            of = wrong[quantity(WORST, epsilon)].double()
            gain, name = of[plain] - of, quantity(WORST, epsilon, "gain")
            values[name], errors[name] = gain.mean(1), gain.std(1, correction=0) / eval_examples**0.5
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
    images: UInt8[Tensor, "N channels height width"],
    labels: Int[Tensor, " N"],
    attack: str = "pgd",
    epsilon: float = 8 / 255,
    *,
    norm: str = "linf",
    eot_samples: int | None = None,
    seed: int = 0,
    **options: Any,
) -> Float[Tensor, "M N channels height width"]:
    """The images that an attack makes of images as bytes (N, C, H, W): pixels (M, N, C, H, W) in [0, 1].

    They are at most ε away. A lesson changes them whether the network is deceived or not, an attack that is meant only
    those that it deceives the network about. Other arguments and errors: `robustness`; `options`: `Prediction`.

    >>> from ibteach.data.datasets import load
    >>> from ibteach.networks.bottleneck import mlp
    >>> digits = load("digits")
    >>> images, labels = digits.test_images[:3], digits.test_labels[:3]
    >>> changed = perturb(mlp(digits.shape, classes=10), digits, images, labels, "fgsm", epsilon=0.25)
    >>> (changed - images / 16).abs().amax().item()
    0.25
    """
    norm = checks.known("norm", norm, NORMS)
    [name] = chosen([attack], norm)
    [epsilon] = _epsilons([epsilon], norm, data)
    if name in TRANSFER:
        raise InvalidInput(
            "attack: got 'transfer', which makes no images of its own; give what the other network's are."
        )
    judge = Prediction(network, data, seed=seed, **options)
    most = len(judge.draws)
    eot_samples = most if eot_samples is None else checks.whole("eot_samples", eot_samples, maximum=most)
    checks.labels("labels", labels, "N", len(data.classes))
    if len(labels) != len(images):
        raise InvalidInput(f"labels: got {len(labels)} for {len(images)} images, expected one each.")
    pixels = judge.pixels(images).expand(len(judge), *[-1] * 4)
    if name in LESSONS:
        attacker, settings = judge.of_first(eot_samples), LESSONS[name].settings
        return lessons.changed(attacker, pixels, labels, name, settings, [epsilon], norm, seed)[1][0]
    hunt = Hunt(judge, pixels, labels, errs(judge, pixels, labels), eot_samples)
    runner(name)(hunt, Ball(norm, epsilon), _chance(seed, name, 0))
    return hunt.found


def _chance(seed: int, name: str, block: int) -> torch.Generator:
    """What an attack draws for a block of images; anew for each ε, so that none depends on which others were asked for.

    Each attack has a stream of its own: two that begin at the same places are hardly more than one.
    """
    return generator(stream(seed, "attack") + zlib.crc32(f"{name} {block}".encode()), "attack")


def _under(judge, pixels, labels, clean, lost, name, norm, eot_samples, chance):
    """Which images are wrong under an attack, (attack, ε) → (M, N), and DeepFool's distances.

    `lost`, ε → (M, N), are wrong without it.
    """
    seed, block = chance
    positive = [epsilon for epsilon in lost if epsilon > 0]
    found: dict[str | tuple[str, float], Tensor] = {(name, 0.0): clean}
    if name not in LESSONS:
        hunt = Hunt(judge, pixels, labels, clean, eot_samples)
        for epsilon in positive:  # what it won within a smaller one it has won
            hunt.wrong |= lost[epsilon].to(hunt.wrong)
            runner(name)(hunt, Ball(norm, epsilon), _chance(seed, name, block))
            found[name, epsilon] = hunt.wrong.cpu().clone()
    else:
        attacker = judge.of_first(min(eot_samples, len(judge.draws)))  # one draw, where there is no noise
        nearest, changed = lessons.changed(attacker, pixels, labels, name, LESSONS[name].settings, positive, norm, seed)
        for epsilon, images in zip(positive, changed, strict=True):  # an attacker leaves alone what is wrong
            found[name, epsilon] = clean | errs(judge, images, labels)
        if name in lessons.SMALLEST:
            order, whole = (math.inf, 1.0) if norm == "linf" else (2, math.sqrt(pixels[0, 0].numel()))
            size = torch.linalg.vector_norm((nearest - pixels).flatten(2), order, dim=-1).cpu()
            size = size.where(errs(judge, nearest, labels), torch.tensor(whole))
            found[name] = size.where(~clean, torch.tensor(0.0))
    return {key: wrong for key, wrong in found.items() if key == name or key[1] in lost}


def _joined(tables: list[dict], axis: int) -> dict:
    return {name: torch.cat([table[name] for table in tables], axis) for name in tables[0]}


def _worst(clean, each, meant, epsilons):
    """Which images any attack of at most that ε turns wrong, and which only those that do not use the gradient."""
    found, kinds = {}, {True: clean, False: clean}
    for epsilon in epsilons:
        for name, attack in meant.items():
            kinds[attack.white] = kinds[attack.white] | each[name, epsilon]
        found[quantity(WORST, epsilon)] = kinds[True] | kinds[False]
        if len({attack.white for attack in meant.values()}) == 2:
            found[quantity(BLACK_ONLY, epsilon)] = kinds[False] & ~kinds[True]
    return found


def _median(values):
    """Median of (M, N) and its standard error: half the distance of the values one standard error of ranks away."""
    ordered, count = values.double().sort(1).values, values.shape[1]
    middle, reach = (count - 1) / 2, math.sqrt(count) / 2
    low, high = max(0, round(middle - reach)), min(count - 1, round(middle + reach))
    median = (ordered[:, math.floor(middle)] + ordered[:, math.ceil(middle)]) / 2
    return median, (ordered[:, high] - ordered[:, low]) / 2


def _epsilons(given, norm: str, data: Dataset) -> list[float]:
    whole = 1.0 if norm == "linf" else math.sqrt(data.test_images[0].numel())
    sizes = [checks.number("epsilon", size, minimum=0, maximum=whole) for size in checks.several("epsilons", given)]
    if not sizes or sorted(sizes) != sizes or len({quantity(WORST, size) for size in sizes}) < len(sizes):
        raise InvalidInput(f"epsilons: got {sizes}, expected increasing sizes that differ in their first four digits.")
    return sizes
