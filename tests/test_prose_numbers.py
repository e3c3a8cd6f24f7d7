# ruff: noqa: E501 (a claim is one line)
"""What chapters say in numbers is what their own outputs, or the Records they show, say.

A claim is a sentence of a chapter with holes, and the numbers that belong into them, made here from the stored output
of a cell or from a Record. A chapter that is executed anew and says other numbers than its prose fails here. So does a
sentence of chapters 05 to 09 with a number that was measured and is no claim: what is left of their prose without claims,
formulas, weights and counts of things may have the numbers of `GIVEN` alone.
"""

import functools
import itertools
import json
import math
import re
import string
from pathlib import Path

import pytest
import torch

from ibteach import records
from ibteach.evaluation import attacks
from ibteach.objectives import OBJECTIVES

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
SURROGATES = ("l2", "variance", "log-variance")


@functools.cache
def cells(chapter: str) -> list[dict]:
    (path,) = NOTEBOOKS.glob(f"{chapter}_*.ipynb")
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


@functools.cache
def prose(chapter: str) -> str:
    text = " ".join("".join(cell["source"]) for cell in cells(chapter) if cell["cell_type"] == "markdown")
    return " ".join(re.sub(r"\]\([^)]*\)", "]", text).replace("\\vert", "|").split())


def described(chapter: str, cell: str) -> str:
    """What the picture of a cell is said to show."""
    (found,) = (each for each in cells(chapter) if each.get("id") == cell)
    (alt,) = (value["alt"] for output in found["outputs"] for value in output.get("metadata", {}).values())
    return alt


def columns(chapter: str, cell: str) -> dict[str, list[float]]:
    """Rows of the Markdown table that a cell shows."""
    (found,) = (each for each in cells(chapter) if each.get("id") == cell)
    text = "".join("".join(output["data"].get("text/markdown", "")) for output in found["outputs"])
    rows = (line.strip("| ").split(" | ") for line in text.splitlines()[2:])
    return {row[0]: [float(number) for number in row[1:]] for row in rows}


def printed(chapter: str, cell: str) -> str:
    """What a cell printed, or the value that it ended with; the vote that it begins with is neither."""
    (found,) = (each for each in cells(chapter) if each.get("id") == cell)
    outputs = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in found["outputs"]]
    texts = map("".join, outputs)
    return "".join(text for text in texts if not text.startswith("Prediction "))


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"(?<![\w.])[-−]?\d+(?:\.\d+)?", text.replace("−", "-"))]


@functools.cache
def table(chapter: str, cell: str) -> dict[str, list[float]]:
    """Rows of numbers that a cell printed; the rows of a table that has a title (it ends with γ) start with it."""
    rows, title = {}, ""
    for line in printed(chapter, cell).splitlines():
        if found := re.fullmatch(r"(.*?)((?:\s+[-−]?\d+(?:\.\d+)?%?)+)\s*", line):
            label = " ".join(found[1].split())
            if label.endswith("γ"):
                title = label.removesuffix("γ")
            rows[title + label] = numbers(found[2])
    return rows


@functools.cache
def load(name: str):
    return records.load(name)


def value(name: str, quantity: str, **settings) -> float:
    return load(name).select(**settings).value(f"test/{quantity}").mean().item()


# The claims


def vib():
    error = value("mnist-vib", "argmax_error")
    assert load("mnist-vib").provenance["data"] == "mnist"
    return dict(
        bits=load("mnist-vib").quantities["test/rate"][0, -1].item() / math.log(2),
        digits=math.log2(10),
        error=100 * math.sqrt(error * (1 - error) / 10_000),
    )


def prices():
    means, errors = (
        [numbers(line.partition(" ")[2])[half::2] for line in printed("05", "prices").splitlines()[-2:]]
        for half in (0, 1)  # mean, error, mean, …
    )
    assert all(abs(a - b) <= 2 * math.hypot(e, f) for a, b, e, f in zip(*means, *errors, strict=True))
    (l2,) = (numbers(line)[::2] for line in printed("05", "c26").splitlines() if line.startswith("l2 "))
    of = {name: OBJECTIVES[name].beta_prime(gamma=1) for name in SURROGATES}
    return dict(variance=of["variance"], log=of["log-variance"], l2=of["l2"] / 10, nats=l2[3])


def brackets():
    first, *_, last = (numbers(line)[:2] for line in printed("06", "c27").splitlines())
    return dict(zip(("low", "high", "least", "most"), first + last, strict=True))


def lost_on_test_digits():
    *others, a, b, c = numbers(printed("06", "c23"))
    assert len(others) == 7 and max(others) <= 0.01
    return dict(a=a, b=b, c=c)


def ceiling():
    return dict(ceiling=math.log(1297), plane=math.log(2 * math.pi * math.e))


def one_dimension():
    rows = columns("06", "c29")
    last = rows["Kozachenko–Leonenko"][-1] - rows["truth"][-1]
    assert rows["KSG 1"][2] < rows["truth"][2] / 2 and rows["KSG 1"][-1] < 0.005 and 9.5 < last < 10.5
    first, second = rows["population at most"][:2]
    assert f"to {first:.2f}" in described("06", "c03")
    assert all(abs(rows[name][0] - 4) < 0.1 for name in ("Kozachenko–Leonenko", "Gaussian", "KSG 1"))
    return dict(first=first, second=second, bins=rows["binning"][0])


def what_compression_costs():
    rows = [numbers(line)[1:] for line in printed("06", "c21").splitlines()[1:]]
    redundant, relevant = ([row[2 * column] for row in rows] for column in (1, 2))
    lost = [relevant[0] - each for each in relevant]
    assert max(lost[:-1]) < 0.01 and 4.8 < redundant[0] < 5 and 0.45 < redundant[-1] < 0.55
    return dict(all=relevant[0], lost=lost[-1])


def two_classes():
    truth = set(columns("06", "c31")["truth"])
    assert len(truth) == 1
    return dict(truth=truth.pop())


MNIST = "mnist-surrogates"


def at(cell_row: str, column: int) -> float:
    return table("07", "cell-11")[cell_row][column]


def heaviest():
    relevance, error = (value(MNIST, q, objective="variance", gamma=16) for q in (RELEVANCE, "argmax_error"))
    assert all(value(MNIST, RELEVANCE, objective=name, gamma=16) < 0.005 for name in ("l2", "log-variance"))
    return dict(relevance=relevance, error=100 * error)


KINDS = ("turned", "noise")
RELEVANCE, REVERSE = "preserved_relevant_information", "reverse_decoder_uncertainty"
LOSS = "decoder_cross_entropy"


def range_of_entropies():
    first, last = ([at(f"{name} {REVERSE}", column) for name in SURROGATES] for column in (0, -1))
    kept = {name: 6 if name == "variance" else 4 for name in SURROGATES}
    lost = max(at(f"{name} {RELEVANCE}", 0) - at(f"{name} {RELEVANCE}", kept[name] - 1) for name in SURROGATES)
    errors = [e for name in SURROGATES for e in table("07", "cell-11")[f"{name} argmax_error"][: kept[name]]]
    assert lost <= 0.1005 and max(table("07", "cell-11")[f"{n} {REVERSE}"][-1] for n in SURROGATES) <= max(last)
    return dict(low=min(first), high=max(first), most=max(last), least_error=100 * min(errors), error=100 * max(errors))


def course_of_a_network():
    record = load(MNIST)
    redundant, uncertain = (
        record.select(objective="l2", gamma=0.016).quantities[f"test/{q}"].mean(0)
        for q in ("redundant_information", "decoder_uncertainty")
    )
    at = record.moments.index("step 100")
    assert redundant.argmax() == at
    labels = (record.quantities["test/decoder_uncertainty"] + record.quantities[f"test/{RELEVANCE}"])[0, 0]
    return dict(
        uncertain=uncertain[at], labels=labels, redundant=redundant[at], rest=math.log(1000) - labels,
        steps=record.steps[record.moments.index("epoch 1")], few=1297 // 64,
    )  # fmt: skip


def relevance_stays():
    least = [value(MNIST, RELEVANCE, objective=n, gamma=g) for n, g in zip(SURROGATES, (0.06, 1, 0.06), strict=True)]
    assert all(value(MNIST, RELEVANCE, objective=n, gamma=g) < 2.15 for n, g in (("l2", 0.25), ("variance", 4)))
    first, last = ([at(f"{name} {REVERSE}", column) for name in SURROGATES] for column in (0, -1))
    return dict(low=min(first), high=max(first), least=min(last), most=max(last), kept=min(least), all=math.log(10))


def comparisons():
    pictures = int(re.search(r"\((\d+) pictures\)", printed("07", "cell-18"))[1])
    live = pictures // (3 * 6 * 2)  # objectives, weights, train and test; the rest is moments of 18 networks
    recorded = (
        "cifar10-trained",
        "cifar10-trained-group-norm",
        "cifar10-trained-seeds",
        "cifar10-surrogates",
        "imagenette-trained",
        "imagenette-surrogates",
        "cifar10-trained-without-noise",
    )
    of_photographs = sum(2 * load(name).quantities["test/sampled_error"].numel() for name in recorded)
    return dict(
        all=2 * load(MNIST).quantities["test/sampled_error"].numel() + 2 * 18 * live, photographs=of_photographs
    )


def learnt_by_heart():
    error, rate = numbers(printed("07", "cell-28"))
    assert error == 0 and abs(rate - math.log(10)) < 0.03
    return dict(rate=rate)


def second_phase():
    rate = {name: load(MNIST).select(objective=name, gamma=0.016) for name in SURROGATES}
    falls, costs = [], []
    for of in rate.values():
        i, y = (of.quantities[f"test/{q}"].mean(0) for q in ("preserved_information", RELEVANCE))
        peak = int(i.argmax())
        falls.append((i[peak] - i[-1]).item())
        costs.append((y[peak] - y[-1]).item())
        assert load(MNIST).moments[peak] == "step 100"
    return dict(low=min(falls), high=max(falls), cost=max(costs))


def light():
    falls = {}
    for name in SURROGATES:
        path = load(MNIST).select(objective=name, gamma=0.001).quantities["test/preserved_information"].mean(0)
        falls[name] = (path.max() - path[-1]).item()
        last = path[-1].item() if name == "l2" else 0
        falls["last"] = falls.get("last", 0) or last
    return dict(variance=falls["variance"], log=falls["log-variance"], l2=falls["l2"], last=falls["last"])


def shrunk():
    with_noise, without = (numbers(line) for line in printed("07", "cell-31").splitlines()[:2])
    # the 2 of "l2" is no number of its own
    return dict(estimate=-without[-2], error=without[-1], noisy=with_noise[-1])


def dropout_gaps():
    gaps = [float(gap) for gap in re.findall(r": ([\d.]+)", printed("07", "cell-23"))]
    return dict(zip("abcd", gaps, strict=True))


def dropout_gaps_on(name):
    shown = [load(f"{name}-dropout-{percent}") for percent in (0, 10, 30)]
    gaps = [of.value("test/decoder_cross_entropy") - of.value("test/prediction_cross_entropy") for of in shown]
    return dict(zip("abc", (gap.mean().item() for gap in gaps), strict=True))


def dropout_gaps_on_mnist():
    return dropout_gaps_on("mnist")


def dropout_gaps_on_photographs():
    return dropout_gaps_on("cifar10")


CIFAR, SHORT, LARGER = "cifar10-trained", "cifar10-surrogates", "imagenette-trained"
WEIGHTS = (0.001, 0.01, 0.03, 0.1, 0.3)


def of_photographs(quantity, cell="cell-21"):
    """Rows of a table of chapter 08, one for each surrogate."""
    return [table("08", cell)[f"{name} {quantity}"] for name in SURROGATES]


def without_compression():
    plain = load(CIFAR).select(gamma=0)
    error = 100 * plain.value("test/argmax_error")
    spread = 100 * load(CIFAR).errors["test/argmax_error"][:, -1]
    light = [each for row in of_photographs("argmax_error") for each in row[:3]]
    rate = [value(CIFAR, "preserved_information", objective="l2", gamma=gamma) for gamma in (0, 0.03)]
    return dict(
        low=error.min().item(),
        high=error.max().item(),
        least=100 * min(light),
        most=100 * max(light),
        error=spread.mean().item(),
        rate=rate[0],
        left=rate[1],
        h=value(CIFAR, REVERSE, gamma=0),
        loss=value(CIFAR, LOSS, gamma=0),
        heavy_loss=value(CIFAR, LOSS, objective="l2", gamma=0.03),
        heavy_error=100 * value(CIFAR, "argmax_error", objective="l2", gamma=0.03),
        charge=math.pi * math.e,
    )


def cifar_entropies():
    rows = of_photographs(REVERSE)
    assert all(a > b for row in rows for a, b in itertools.pairwise(row))
    return dict(zip("abc", (row[-1] for row in rows), strict=True)) | dict(h=value(CIFAR, REVERSE, gamma=0))


def both_entropies():
    imagenette = [row[-1] for row in of_photographs(REVERSE, "cell-24")]
    return cifar_entropies() | dict(zip("def", imagenette, strict=True))


def photographs_relevance():
    rows = [load(name).select(objective=of, gamma=WEIGHTS) for name in (CIFAR, LARGER) for of in SURROGATES]
    assert all((each.value(f"test/{RELEVANCE}").diff() < 0).all() for each in rows)
    least = min(value(name, RELEVANCE, objective=of, gamma=0.01) for name in (CIFAR, LARGER) for of in SURROGATES)
    return dict(least=least, all=math.log(10))


def first_steps():
    record, l2 = load(CIFAR), load(CIFAR).select(objective="l2", gamma=0.1)
    at = record.moments.index
    down = record.select(gamma=0).quantities[f"test/{RELEVANCE}"][:, : at("step 20")].min(1).values
    y, h = (l2.quantities[f"test/{quantity}"][0] for quantity in (RELEVANCE, REVERSE))
    erased = [record.select(objective=name, gamma=0.1).quantities[f"test/{REVERSE}"] for name in ("l2", "log-variance")]
    return dict(
        first=record.quantities[f"test/{RELEVANCE}"][:, 0].mean().item(),
        at_100=max(each[0, at("step 100")].item() for each in erased),
        variance=record.select(objective="variance", gamma=0.3).quantities[f"test/{REVERSE}"].min().item(),
        low=down.min().item(),
        high=down.max().item(),
        relevance=y[at("epoch 5")].item(),
        redundant=h[at("epoch 5")].item(),
    )


def without_running_means():
    plain, heavy = load("cifar10-trained-group-norm").select(gamma=[0, 0.1]).quantities[f"test/{RELEVANCE}"]
    at = load(CIFAR).moments.index
    assert plain[: at("step 10") + 1].min() == plain[at("step 5")] and plain[at("step 20") :].min() > plain[0]
    return dict(first=plain[0].item(), least=plain.min().item(), heavy=heavy[at("step 5")].item())


def last_epochs():
    record = load(CIFAR).select(gamma=WEIGHTS)
    y, h = (record.quantities[f"test/{quantity}"] for quantity in (RELEVANCE, REVERSE))
    fifth = record.moments.index("epoch 5")
    both = (y[:, -1] > y[:, fifth]) & (h[:, -1] < h[:, fifth])
    return dict(both=int(both.sum()), all=len(both))


def cost_of_accuracy():
    done = load(CIFAR)
    plain = 100 * done.select(gamma=0).value("test/argmax_error").mean().item()
    said = {}
    for letter, name in zip("abc", SURROGATES, strict=True):
        heavy, heaviest = 100 * done.select(objective=name, gamma=[0.1, 0.3]).value("test/argmax_error")
        said[letter] = heavy.item() - plain
        said[f"{letter}_most"] = heaviest.item() - plain
        said[f"{letter}_error"] = heavy.item()
        said[f"{letter}_worst"] = heaviest.item()
    return said | dict(entropy=value(CIFAR, REVERSE, objective="variance", gamma=0.3))


def cut_short():
    """Points of error from γ = 0.001 to 0.1: a to c on CIFAR-10 by surrogate, d to f on Imagenette."""
    said = {}
    for end, names in (("", (SHORT, "imagenette-surrogates")), ("_whole", (CIFAR, "imagenette-trained"))):
        for letter, (name, of) in zip("abcdef", itertools.product(names, SURROGATES), strict=True):
            light, heavy = 100 * load(name).select(objective=of, gamma=[0.001, 0.1]).value("test/argmax_error")
            said[letter + end] = (heavy - light).item()
    return said


def cost_over_seeds():
    found = [re.search(r"([-+][\d.]+) ± ([\d.]+) points", line) for line in printed("08", "seeds").splitlines()[1:]]
    means, errors = zip(*((float(row[1]), float(row[2])) for row in found), strict=True)
    assert means[0] > 2 * errors[0] and abs(means[1]) < 2 * errors[1]  # L2 costs something, variance nothing
    return dict(a=means[0], b=-means[1], c=means[2], most=max(errors))


def best_photographs():
    return dict(error=100 * load(SHORT).value("test/argmax_error").min().item())


def bare():
    lines = printed("08", "cell-26").splitlines()
    rows = ([float(number) for number in re.findall(r"-?\d+\.\d+", line)] for line in lines)
    noisy, silent, _, collapsed = (dict(zip("beld", row, strict=True)) for row in rows)  # bound, error, loss, decoder
    assert collapsed["b"] < -45_000 and collapsed["e"] == 90 and "128 constant" in lines[3]
    plain = load(CIFAR).select(gamma=0)
    assert abs(silent["l"] - plain.value(f"test/{LOSS}").mean()) < 0.006
    return dict(
        constant=int(re.search(r"(\d+) constant", lines[2])[1]),
        bound=-silent["b"],
        error=silent["e"],
        loss=silent["l"],
        decoder=silent["d"],
        noisy=noisy["b"],
        noisy_error=noisy["e"],
        noisy_loss=noisy["l"],
        noisy_decoder=noisy["d"],
        plain=plain.decoder_weight.flatten(1).norm(dim=1).mean().item(),
    )


def variance_without_noise():
    silent, noisy = load("imagenette-trained-without-noise"), load(LARGER).select(objective="variance", gamma=0.03)
    bound, error = silent.value("test/variance"), 100 * silent.value("test/argmax_error")
    plain = 100 * load(LARGER).select(gamma=0).value("test/argmax_error")
    assert plain.min() < error.min() and error.max() <= plain.max()
    return dict(zip("abef", [*(-bound).tolist(), *error.tolist()], strict=True)) | dict(
        noisy=noisy.value("test/variance").item()
    )


def of_imagenette():
    record = load("imagenette-trained")
    light = [error for row in of_photographs("argmax_error", "cell-24") for error in row[:3]]
    bare = 100 * record.select(gamma=0).value("test/argmax_error")
    assert max(light) == light[-1] and len(bare) == 3  # log-variance at γ = 0.03
    plain = bare.mean().item()
    said = dict(
        least=100 * min(light),
        most=100 * max(light),
        low=bare.min().item(),
        high=bare.max().item(),
        error=100 * record.errors["test/argmax_error"][:, -1].mean().item(),
    )
    for letter, name in zip("abc", SURROGATES, strict=True):
        heavy, heaviest = 100 * record.select(objective=name, gamma=[0.1, 0.3]).value("test/argmax_error")
        said |= {letter: heavy.item(), f"{letter}_cost": heavy.item() - plain, f"{letter}_worst": heaviest.item()}
    return said


def digits_under_attack():
    rows = table("09", "cell-16")
    pgd = [rows[f"PGD, ε = 1/16 {name}"] for name in SURROGATES]
    without = [row[0] for row in pgd]
    low, high = min(row[3] for row in pgd), max(row[3] for row in pgd)
    return dict(low=low, high=high, least=min(without), most=max(without))


def every_attack():
    rows = table("09", "cell-16")
    titles = ["FGSM", "basic iterative", "PGD"] + ["DeepFool"] * any(label.startswith("DeepFool") for label in rows)
    each = [rows[f"{title}, ε = 1/16 {name}"] for title in titles for name in SURROGATES]
    before, after = {row[0] for row in each}, [row[3] for row in each]
    return dict(a=min(before), b=max(before), c=min(after), d=max(after))


def at_first():
    clean, attacked = (table("09", "cell-16")[f"{title} l2"][0] for title in ("as they are", "any attack, ε = 1/16"))
    assert abs(attacked - 70) < 2.5
    return dict(clean=clean)


def gains_of_four():
    rows = table("09", "cell-16")
    gains = [
        row[3] - row[0]
        for label, row in rows.items()
        if "ε = 1/16" in label and not label.startswith("any") and len(row) == 6 and not label.endswith("γ")
    ]
    assert len(gains) == 12
    return dict(low=min(gains), high=max(gains))


def nearest_errors():
    found = re.findall(r"([\d.]+) → ([\d.]+) \((\d+)% ± (\d+)\)", printed("09", "cell-20a"))
    before, after, further, spread = ([float(row[column]) for row in found] for column in range(4))  # DeepFool's, PGD's
    rows = [row for row in table("09", "cell-20").values() if len(row) == 6][-3:]
    said = [100 * (row[3] / row[0] - 1) for row in rows]
    return dict(
        deepfool=before[0], pgd=before[3], low=min(after[3:]), high=max(after[3:]), low_cut=min(after[:3]), high_cut=max(after[:3]),
        **dict(zip("abcdef", further[3:] + further[:3], strict=True)), **dict(zip("ghi", said, strict=True)),
        least=min(further[3:]), most=max(further[3:]), spread=max(spread[3:]),
        least_said=min(further[:3]), most_said=max(further[:3]),
    )  # fmt: skip


def too_cautious():
    errors, sure = (table("09", "cell-26")[f"{title} l2"] for title in ("calibration error", "mean confidence"))
    last = table("09", "cell-26")
    near, far = last["calibration error variance"], last["calibration error log-variance"]
    floor = [last[f"by chance, 2σ {name}"][3] for name in SURROGATES[1:]]
    assert last["calibration error log-variance"][-1] < 0.5 and errors[:5] == sorted(errors[:5])
    (between,) = between_seeds("cell-26")
    of = dict(variance=near[3], log=far[3], chance=floor[0], chance_log=floor[1], trace=near[1], without=near[0])
    return of | dict(
        error=max(between[:2]),
        right=sure[4] + errors[4],
        says=sure[4],
        worst=errors[4],
        low=last["mean confidence log-variance"][-1],
    )


def one_latent():
    rows = table("09", "cell-28")
    heavy = [rows[f"{kind}: rate, one draw {n}"][-1] for kind in KINDS for n in ("l2", "log-variance")]
    light = [rows[f"{KINDS[0]}: rate, one draw {name}"][2] for name in SURROGATES]
    return dict(low=min(heavy), high=max(heavy), least=min(light), most=max(light))


def confidence():
    rows = [table("09", "cell-28")[f"{KINDS[0]}: confidence {name}"] for name in SURROGATES]
    assert len({row[0] for row in rows}) == 1 and max(max(row[1:]) for row in rows) < rows[0][0]
    of_confidence, _, of_rate, *_ = between_seeds("cell-28")
    assert of_confidence[0] == of_confidence[3]
    return dict(
        before=rows[0][0],
        error=of_confidence[0],
        wide=of_confidence[2],
        rate=of_rate[2],
        low=min(row[3] for row in rows),
        high=max(row[3] for row in rows),
    )


def between_seeds(cell):
    """Their standard errors for each γ, of each quantity that a cell prints them of."""
    return [numbers(line) for line in printed("09", cell).splitlines() if line.startswith("± over seeds")]


def read_of_photographs():
    rows = table("09", "cell-31")
    clean = {name: rows[f"any attack, ε = 0/255 {name}"] for name in SURROGATES}
    *others, last = clean["log-variance"]
    every = clean["l2"] + clean["variance"] + others
    one, two, four = ([rows[f"any attack, ε = {level}/255 {name}"] for name in SURROGATES] for level in (1, 2, 4))
    left = [b / a for name, row in zip(SURROGATES, one, strict=True) for a, b in zip(clean[name], row, strict=True)]
    assert 30 < last < 37 and min(left) > 0.33 and max(left) < 0.52 and max(map(max, four)) < 3
    light, moderate = ([clean[name][column] for name in SURROGATES] for column in (0, 2))
    gains = [row[2] - row[0] for row in one]
    assert gains[2] > 0 > max(gains[:2]) and max(abs(a - b) for a, b in zip(light, moderate, strict=True)) <= 3
    return dict(
        low=min(every), high=max(every), two=max(map(max, two)), gain=gains[2], less=-gains[1], more=-gains[0],
        apart=max(row[0] for row in one) - min(row[0] for row in one),
        a=min(light), b=max(light), c=min(moderate), d=max(moderate),
    )  # fmt: skip


def still_read(record, level):
    """Of a hundred, in the worst case at so many levels of 255."""
    return 100 * (1 - record.value(attacks.quantity("any", level / 255)))


def groups():
    batch, group = load("cifar10-batch-norm-worst-case"), load("cifar10-group-norm-worst-case")
    gain = attacks.quantity("any", 1 / 255, "gain")
    light = group.select(gamma=0.03)

    def read(record, level, gamma=0):
        return still_read(record.select(objective="log-variance" if gamma else "l2", gamma=gamma), level).mean().item()

    return dict(
        **{f"batch_{level}": read(batch, level) for level in (0, 1, 2)},
        **{f"group_{level}": read(group, level) for level in (0, 1, 2)},
        error=100 * group.errors[attacks.quantity("any", 1 / 255)][0, 0].item(),
        lost=-100 * light.value(gain).item(),
        of_lost=100 * light.errors[gain].item(),
        heavy=read(group, 0, 0.1),
        heavy_2=read(group, 2, 0.1),
        heavy_batch=read(batch, 0, 0.1),
    )


def standard_errors():
    photographs, digits = (100 * math.sqrt(0.5 * 0.5 / count) for count in (200, 100))  # of a share, at most
    errors = {float(error) for error in re.findall(r"± ([\d.]+)", printed("09", "cell-18d"))}
    assert {round(error) for error in errors} == {3}
    return dict(photographs=photographs, digits=digits, each=max(errors))


def left_over():
    gains = [seeming("any", level) for level in (1, 1.5, 2)]
    assert max(gains[2]) < 1
    return dict(a=min(gains[0]), b=max(gains[0]), c=min(gains[1]), d=max(gains[1]))


def fooled():
    rows = table("09", "cell-16")
    clean, attacked = (
        [rows[f"{title} {name}"][3] for name in SURROGATES] for title in ("as they are", "any attack, ε = 1/16")
    )
    shares = [100 * (1 - after / before) for before, after in zip(clean, attacked, strict=True)]
    return dict(low=math.floor(min(shares)), high=math.ceil(max(shares)))


def heavy_variance():
    rows = table("09", "cell-16")
    return dict(clean=rows["as they are variance"][-1], attacked=rows["any attack, ε = 1/16 variance"][-1])


def heavy_clean():
    rows = table("09", "cell-16")
    l2, variance, log_variance = (rows[f"as they are {name}"] for name in SURROGATES)
    return dict(l2=l2[-1], variance=variance[-1], log=log_variance[-1], without=l2[0], lost=l2[0] - variance[-1])


def one_draw():
    one = [float(share) for share in re.findall(r"draws: ([\d.]+)%", printed("09", "cell-23"))]
    return dict(zip(("plain", "plain_all", "heavy", "heavy_all", "loud", "loud_all"), one, strict=True))


def calibration():
    l2, variance, log_variance = (table("09", "cell-26")[f"calibration error {name}"] for name in SURROGATES)
    (errors,) = between_seeds("cell-26")
    return dict(without=l2[0], l2=l2[3], variance=variance[3], log=log_variance[3], worst=l2[4], error=max(errors[:4]))


def foreign():
    rate, confidence = (
        [table("09", "cell-28")[f"turned: {score} {name}"] for name in SURROGATES] for score in ("rate", "confidence")
    )
    at_001 = [row[2] for row in rate], [row[2] for row in confidence]
    return dict(
        before=rate[0][0], low=min(at_001[0]), high=max(at_001[0]),
        sure=confidence[0][0], least=min(at_001[1]), most=max(at_001[1]),
    )  # fmt: skip


def survivors():
    of = {}
    for name in SURROGATES:
        for gamma in (0.0003, 0.03):
            one = load("cifar10-robustness").select(objective=name, gamma=gamma)
            clean, attacked = (1 - one.value(attacks.quantity("any", level / 255)).item() for level in (0, 1))
            of[name, gamma] = 100 * attacked / clean
    assert abs(of["log-variance", 0.03] - 50) < 2.5 and abs(of["log-variance", 0.0003] - 40) < 2.5
    return dict(a=of["l2", 0.03], b=of["l2", 0.0003], c=of["variance", 0.03], d=of["variance", 0.0003])


def photographs_under_attack():
    before, after = (
        [still_read(load("cifar10-robustness").select(objective=n, gamma=g), 1).item()
         for n in SURROGATES]
        for g in (0.0003, 0.003)
    )  # fmt: skip
    return dict(zip("adbecf", [x for pair in zip(before, after, strict=True) for x in pair], strict=True))


def photographs_meant():
    """Of five networks trained to the end: three seeds without compression, then L2 and variance with the first."""
    done = load("cifar10-trained-robustness")

    def left(attack, level):
        return [100 * (1 - error) for error in done.value(attacks.quantity(attack, level / 255)).tolist()]

    gained = [attacks.quantity("any", level / 255, "gain") for level in (1, 2)]
    gains, errors = ([100 * value for of in gained for value in table[of][3:, -1].tolist()]
                     for table in (done.quantities, done.errors))  # fmt: skip
    (plain, *_, l2, variance), one = left("fgsm", 2), left("any", 1)
    *none, least_l2, least_variance = left("any", 2)
    before, *_, pgd_l2, pgd_variance = left("pgd", 2)
    assert none == [0, 0, 0] and l2 == variance and pgd_l2 == pgd_variance and {round(e) for e in errors[:2]} == {3}
    many, ce, apgd = (left(attack, 2)[3:] for attack in ("pgd-50x10", "apgd-ce", "apgd-dlr"))
    assert all((done.value(attacks.quantity("black-box-only", level / 255)) == 0).all() for level in (1, 2))
    return dict(
        zip("abcdefgh", [x for pair in zip(gains, errors, strict=True) for x in pair], strict=True),
        fewer=-gains[0], more=gains[1], each=errors[0], apart=max(one[:3]) - min(one[:3]), fgsm=l2, bare=plain, pgd=pgd_l2, from_one=before,
        all_l2=least_l2, all_variance=least_variance, many_l2=many[0], many_variance=many[1],
        ce_l2=ce[0], ce_variance=ce[1], apgd_l2=apgd[0], apgd_variance=apgd[1],
    )  # fmt: skip


def worst_of_eighteen():
    """Of networks trained to the end: three seeds without compression, fifteen with, the worst case alone."""
    found = load("cifar10-trained-worst-case")
    assert [run["gamma"] for run in found.runs[:3]] == [0, 0, 0] and all(run["gamma"] > 0 for run in found.runs[3:])
    gains = [attacks.quantity("any", level / 255, "gain") for level in (1, 2)]
    (one, of_one), (two, of_two) = ((100 * found.value(name)[3:], 100 * found.errors[name][3:, -1]) for name in gains)
    variance = [100 * gain for gain in found.select(objective="variance", gamma=0.1).value(gains[0]).tolist()]
    apart = still_read(found.select(gamma=0), 1)
    over = [re.findall(r"([+]\d\.\d) ± (\d\.\d)", line) for line in printed("09", "worst-of-ten").splitlines()[-2:]]
    (l2, of_l2), (mean, of_mean), (log, of_log) = ([float(number) for number in each] for each in over[0])
    assert apart.max() - apart.min() > 3 and max(variance) > 4 > -min(variance) > 3

    def left(objective, *gammas):
        return still_read(found.select(objective=objective, gamma=list(gammas)), 2)

    bare, far = left("l2", 0), left("log-variance", 0.03, 0.1, 0.3)
    heavy, mild = left("l2", 0.3), left("variance", 0.03, 0.1, 0.3)
    strong = {("l2", 0.3), *(("log-variance", gamma) for gamma in (0.03, 0.1, 0.3))}
    more = [m for m, run in enumerate(found.runs[3:]) if (run["objective"], run["gamma"]) in strong]
    assert (two[more] > 3 * of_two[more]).all() and len(more) == 5
    return dict(
        lost=-one.min().item(), gained=one.max().item(), least=of_one.min().item(), most=of_one.max().item(),
        low=apart.min().item(), high=apart.max().item(), a=-variance[0], b=variance[1], c=-variance[2],
        l2=l2, of_l2=of_l2, mean=mean, of_mean=of_mean, log=log, of_log=of_log,
        bare=bare.min().item(), bare_most=bare.max().item(), far=far.min().item(), far_most=far.max().item(),
        heavy=heavy.item(), error=of_two[more].mean().item(), mild=mild.min().item(), mild_most=mild.max().item(),
        two=-two.min().item(), two_most=two.max().item(), few=two[more].min().item(), some=two[more].max().item(),
    )  # fmt: skip


def seeming(attack, level):
    """Points that compression seems to gain on digits under an attack, for each surrogate."""
    of, found = attacks.quantity(attack, level / 16), load("digits-robustness")
    plain = found.select(gamma=0).value(of).mean().item()
    return [100 * (plain - found.select(objective=n, gamma=0.1).value(of).mean().item()) for n in SURROGATES]


def melted():
    first, last = (seeming(attack, 2) for attack in ("pgd-1x1", "pgd-50x10"))
    return dict(zip("abcdef", first + last, strict=True))


def worst_case():
    return dict(zip("abcdefghi", [gain for level in (1, 1.5, 2) for gain in seeming("any", level)], strict=True))


def written():
    """Points that compression gains on MNIST, and their standard errors, as chapter 09 prints them."""
    text = printed("09", "cell-18h")
    gains, errors = zip(*[map(float, pair) for pair in re.findall(r"([-+][\d.]+) ± ([\d.]+)", text)[3:]], strict=True)
    assert max(gains[:5]) < 0 and all(abs(gain) < 2 * error for gain, error in zip(gains, errors, strict=True))
    of = {
        line.split()[0]: [float(each) for each in re.findall(r" ([-+][\d.]+)", line)] for line in text.splitlines()[3:]
    }
    assert max(of["transfer"]) < 0 and max(of["apgd-dlr"]) < 8 < max(of["apgd-ce"])
    found = dict(zip("abcdefxyzuvw", [*map(abs, gains), *of["pgd-1x1"], *of["pgd-50x10"]], strict=True))
    return found | dict(low=-max(gains[:3]), high=-min(gains[:3]), least=min(errors), most=max(errors))


def hidden():
    found = load("digits-robustness")
    missed, bare = attacks.masking(found, 2 / 16)["by the start"], [run["gamma"] == 0 for run in found.runs]
    starts, more = (100 * missed[torch.tensor(of)].mean().item() for of in (bare, [not one for one in bare]))
    a, b, c, d, e, f = seeming("pgd-50x1", 2) + seeming("square", 2)
    plain, plain_pgd = (
        100 * (1 - found.select(gamma=0).value(attacks.quantity(attack, 2 / 16)).mean().item())
        for attack in ("square", "pgd-50x1")
    )
    assert round(plain) == round(plain_pgd)
    leaves = [plain + gain for gain in (d, e, f)] + [plain_pgd + gain for gain in (a, b, c)]
    return dict(
        starts=starts, more=more, a=a, b=b, c=c, d=-d, e=-e, f=f, least=min(a, b, c), most=max(a, b, c),
        plain=plain, **dict(zip("ghijkl", leaves, strict=True)),
    )  # fmt: skip


def taken_for_known():
    rate, sure = (table("09", "cell-28")[f"noise: {score} l2"][4] for score in ("rate", "confidence"))
    return dict(rate=rate, sure=sure)


CLAIMS = [
    ("05", r"$\log_2 10 = {digits:.1f}$ bits; the rate, an upper bound on $I[X;Z]$, falls to {bits:.1f}.", vib),
    ("05", "within two standard errors of {error:.1f} %", vib),
    ("05", "γ = 1 is β′ = {variance:.2f} for variance and {log:.0f} for log-variance", prices),
    ("05", "for L2 γ = 0.1 is only β′ = {l2:.3f}, and its cross-entropy is {nats:.2f} nats already", prices),
    ("06", "the upper one says {first:.2f} and {second:.2f} in one dimension and in two", one_dimension),
    ("06", r"The truth is $\ln 2\pi e = {plane:.3f}$", ceiling),
    ("06", r"say $\ln N = \ln 1297 = {ceiling:.2f}$", ceiling),
    ("06", r"nearly $\ln 1297 = {ceiling:.2f}$", ceiling),
    ("06", "of the {all:.1f} nats about the label: {lost:.2f}", what_compression_costs),
    ("06", "whose $I[Y;Z]$ is {truth:.2f} nats in any dimension", two_classes),
    ("06", "Will it say {truth:.2f}?", two_classes),
    ("06", "to know $H[Z]$ of all: {least:.1f} to {most:.1f} nats", brackets),
    ("06", "anything from {low:.0f} to {high:.0f} nats is possible", brackets),
    ("06", "and {bins:.1f} of four", one_dimension),
    ("06", "the last three γ cost something: {a:.2f}, {b:.2f} and {c:.2f} nats", lost_on_test_digits),
    ("07", "variance climbs to $I[Y;Z]$ = {relevance:.2f} nats", heaviest),
    ("07", "with variance {relevance:.2f} nats, and {error:.0f} % are misread", heaviest),
    ("07", "{uncertain:.2f} of {labels:.1f} nats are left. $H[Z|Y]$ has grown by then, to {redundant:.1f} of the {rest:.1f} nats", course_of_a_network),
    ("07", "of its {steps} steps", course_of_a_network),
    ("07", "An epoch is {few} steps there and {steps} in the first figure", course_of_a_network),
    ("07", "from between {low:.1f} and {high:.1f} nats to {most:.2f} at most", range_of_entropies),
    ("07", "from {low:.1f}–{high:.1f} nats to {least:.1f}–{most:.1f}; $I[Y;Z]$ ≥ {kept:.1f} of {all:.1f} nats up to γ = 0.06", relevance_stays),
    ("07", "{all:,} comparisons", comparisons),
    ("07", r"with $I[X;Z] = {rate:.1f} \approx \ln 10$ nats", learnt_by_heart),
    ("07", "the error stays between {least_error:.0f} % and {error:.0f} %", range_of_entropies),
    ("07", "between {low:.1f} and {high:.1f} nats about the image are dropped", second_phase),
    ("07", "and at most {cost:.2f} about the digit", second_phase),
    ("07", "(by {variance:.2f} and {log:.2f} nats); L2 comes down by {l2:.2f}, to {last:.2f} of 6.91 nats", light),
    ("07", "to −{estimate:.1f} nats, and the network still reads digits", shrunk),
    ("07", "estimate −{estimate:.1f} nats, error {error:.0f} %; with noise {noisy:.0f} %", shrunk),
    ("07", "{a:.2f}, {b:.2f}, {c:.2f}, {d:.2f} nats at rates 0, 0.1, 0.3, 0.5", dropout_gaps),
    ("07", "on MNIST {a:.3f}, {b:.3f}, {c:.3f} at 0, 0.1, 0.3", dropout_gaps_on_mnist),
    ("07", "{a:.4f} nats without dropout, which is the noise", dropout_gaps_on_mnist),
    ("07", "on CIFAR-10 {a:.3f}, {b:.3f}, {c:.3f}", dropout_gaps_on_photographs),
    ("07", "at a rate of 0.1 two): {a:.3f}, {b:.3f} and {c:.3f} nats", dropout_gaps_on_photographs),
    ("07", "{b:.3f} at a rate of 0.1, {c:.3f} at 0.3", dropout_gaps_on_mnist),
    ("07", "peaks after step 100, then −{low:.1f} to −{high:.1f} nats, $I[Y;Z]$ −{cost:.2f} at most", second_phase),
    ("08", "$I[Y;Z]$ falls from {first:.1f} nats to between {low:.1f} and {high:.1f} in ten steps", first_steps),
    ("08", "from {first:.2f} nats to {least:.2f}, and then it climbs", without_running_means),
    ("08", "(Nor does every network begin in the corner: by groups {first:.1f} of 2.3 nats come free.)", without_running_means),
    ("08", "takes the network without running means to {heavy:.2f} nats in five steps", without_running_means),
    ("08", "$H[Z|Y]$ is at most {at_100:.1f} nats after 100 steps of L2 or log-variance at γ = 0.1, and what is there after five epochs, with L2 $I[Y;Z]$ = {relevance:.1f} and $H[Z|Y]$ = {redundant:.1f} nats, was built up from nothing. Variance erases less: at γ = 0.3 it leaves {variance:.1f} nats", first_steps),
    ("08", "≤ {at_100:.1f} nats; log-variance with group normalisation, too) and give back during the fit (L2 {redundant:.1f} after five epochs); variance at γ = 0.3 keeps {variance:.1f}", first_steps),
    ("08", "in {both} of {all} networks $I[Y;Z]$ grows", last_epochs),
    ("08", "from the fifth epoch on {both} of {all} networks", last_epochs),
    ("08", "from {h:.1f} nats without compression to {a:.1f} (L2), {b:.1f} (variance) and {c:.2f} (log-variance)", cifar_entropies),
    ("08", "up to γ = 0.03 between {least:.1f} and {most:.1f} % are misread, without compression {low:.1f} to {high:.1f} %, each ± {error:.1f}, while $I[X;Z]$ falls with L2 from {rate:.1f} to {left:.1f} nats", without_compression),
    ("08", "Log-variance pays first, {most:.1f} % at γ = 0.03. Confidence pays earlier: with L2 at γ = 0.03 the cross-entropy has risen from {loss:.2f} to {heavy_loss:.2f} nats, the error to {heavy_error:.1f} %", without_compression),
    ("08", "(β′ = 2γ against γ/{charge:.2f}", without_compression),
    ("08", "With L2 at γ = 0.1 they misread {a_whole:.0f} point more than at γ = 0.001", cut_short),
    ("08", "On CIFAR-10 {a:.0f}, on Imagenette {d:.0f}. Log-variance costs {c:.0f} and {f:.0f}, where training was not cut short {c_whole:.0f} and {f_whole:.0f}.", cut_short),
    ("08", "misread {a_worst:.0f} % (L2) and {c_worst:.0f} % (log-variance). With variance it is {b_worst:.0f} %, as without compression, though $H[Z|Y]$ has fallen to {entropy:.1f} nats", cost_of_accuracy),
    ("08", "three seeds: L2 {a:+.1f}, variance −{b:.1f}, log-variance {c:+.1f} points, ± {most:.1f} at most", cost_over_seeds),
    ("08", "γ = 0.3: {a_most:+.1f}, {b_most:+.1f}, {c_most:+.1f};", cost_of_accuracy),
    ("08", "Cut short, from γ = 0.001 to 0.1: {a:.0f}, {b:.0f} and {c:.0f} points", cut_short),
    ("08", "(with noise {constant}, and the others are enough to read)", bare),
    ("08", "L2 stands at −{bound:.0f} nats, which no entropy with this noise can, and costs nothing: {error:.1f} % are misread and {loss:.2f} nats are left, as without compression, where with noise it takes {noisy_loss:.2f}", bare),
    ("08", "to {decoder:.1f}, from {noisy_decoder:.1f} with noise and {plain:.1f} without compression", bare),
    ("08", "−{bound:.0f} nats, error {error:.1f} %, decoder {decoder:.1f}; with noise {noisy:.0f} nats, {noisy_error:.1f} %, {noisy_decoder:.1f}.", bare),
    ("08", "on Imagenette at γ = 0.003 and γ = 0.03 it stands at −{a:.0f} and −{b:.0f} nats (with noise and γ = 0.03 at {noisy:.0f}), and {e:.1f} and {f:.1f} % are misread, as without compression", variance_without_noise),
    ("08", "Variance on Imagenette, γ = 0.03: −{b:.0f} nats, {f:.1f} %; with noise {noisy:.0f} nats", variance_without_noise),
    ("08", "{photographs:,} comparisons on recorded networks", comparisons),
    ("08", "from {h:.1f} nats to {a:.1f}, {b:.1f}, {c:.2f} (L2, variance, log-variance; CIFAR-10), and to {d:.1f}, {e:.1f}, {f:.1f}", both_entropies),
    ("08", "to ≥ {least:.2f} of {all:.1f} nats at γ = 0.01", photographs_relevance),
    ("08", "Up to γ = 0.03 between {least:.1f} and {most:.1f} % are misread (the most by log-variance), without compression {low:.1f} to {high:.1f} %, each ± {error:.1f}", of_imagenette),
    ("08", "at γ = 0.1 {a:.1f} % (L2), {b:.1f} % (variance) and {c:.1f} % (log-variance)", of_imagenette),
    ("08", "γ = 0.1 on Imagenette {a_cost:+.1f}, {b_cost:+.1f}, {c_cost:+.1f}", of_imagenette),
    ("09", "Without compression {group_1:.1f} of a hundred are read under one level and {group_2:.1f} under two, where with batch normalisation {batch_1:.1f} and {batch_2:.1f} are. One network, ± {error:.1f}, which reads {group_0:.1f} as they are where those read {batch_0:.1f}", groups),
    ("09", "it keeps {lost:.1f} ± {of_lost:.1f} fewer; with γ = 0.1 it reads {heavy:.1f} to begin with, where batch normalisation lets {heavy_batch:.1f} be read", groups),
    ("09", "{batch_1:.1f} and {batch_2:.1f} with it, {group_1:.1f} and {group_2:.1f} with groups; clean {batch_0:.1f} and {group_0:.1f}", groups),
    ("09", "at 8/255 each surrogate loses {low:.1f} to {high:.1f} points, at 16/255 L2 and variance lose as much, and log-variance gains {f:.1f}", written),
    ("09", "had promised {x:.1f}, {y:.1f} and {z:.1f} points, and 50 steps from ten starts promise more, {u:.1f}, {v:.1f} and {w:.1f}", written),
    ("09", "8/255 −{a:.1f}, −{b:.1f}, −{c:.1f} points, 16/255 −{d:.1f}, −{e:.1f}, +{f:.1f}; ± {least:.1f} to {most:.1f}", written),
    ("09", "Without compression {clean:.0f} of 100 are read as they are", at_first),
    ("09", "under these four, by {low:.0f} to {high:.0f} points", gains_of_four),
    ("09", "come close, {deepfool:.2f} levels against {pgd:.2f}", nearest_errors),
    ("09", "the nearest error, as far as PGD finds it, is {a:.0f}, {b:.0f} and {c:.0f} % further away", nearest_errors),
    ("09", "says {d:.0f}, {e:.0f} and {f:.0f} % (its uncut distance said {g:.0f}, {h:.0f} and {i:.0f} %)", nearest_errors),
    ("09", "PGD, 20 steps × 3 starts: {pgd:.2f}, {low:.2f}–{high:.2f}", nearest_errors),
    ("09", "by {least:.0f} to {most:.0f} %, ± {spread:.0f} at most over seeds, not by the {least_said:.0f} to {most_said:.0f} % of DeepFool", nearest_errors),
    ("09", "where it is right {right:.0f} times in a hundred (of all 500) and says {says:.0f}", too_cautious),
    ("09", "it says {low:.0f} % and is right as often", too_cautious),
    ("09", "near what chance makes ({variance:.1f} and {log:.1f} %, where it makes up to {chance:.1f} and {chance_log:.1f})", too_cautious),
    ("09", "errs by {trace:.1f} % where it is {without:.1f} without, ± {error:.1f};", too_cautious),
    ("09", "the area is {low:.2f} to {high:.2f}: a coin. At γ = 0.01 one latent is enough for {least:.2f} to {most:.2f}", one_latent),
    ("09", "a coin without compression, {before:.2f} ± {error:.2f} over the seeds, and at γ = 0.1 mostly worse than a coin, {low:.2f} to {high:.2f} ± {error:.2f} at most", confidence),
    ("09", "over seeds ± {rate:.2f} and ± {wide:.2f} at most", confidence),
    ("09", "they read between {low:.0f} and {high:.0f} % as they are", read_of_photographs),
    ("09", "make a standard error of up to {digits:.0f} points", standard_errors),
    ("09", "Its standard error is up to {photographs:.1f} points", standard_errors),
    ("09", "; ± {each:.0f} each", standard_errors),
    ("09", "two levels leave {two:.0f} % at most", read_of_photographs),
    ("09", "log-variance gains {gain:.0f} points, and L2 and variance lose {more:.0f} and {less:.0f}", read_of_photographs),
    ("09", "the three already differ by {apart:.0f}", read_of_photographs),
    ("09", "clean {a:.0f}–{b:.0f} → {c:.0f}–{d:.0f} %", read_of_photographs),
    ("09", "At one level {a:.0f} to {b:.0f} points are left", left_over),
    ("09", "at one and a half {c:.0f} to {d:.0f}; at two levels none", left_over),
    ("09", "PGD along one draw or the mean over 256: {heavy:.1f} and {heavy_all:.1f} % ({loud:.1f} and {loud_all:.1f} % where the noise is made loud)", one_draw),
    ("09", "at two levels PGD sees {least:.0f} to {most:.0f} points where Square sees none", hidden),
    ("09", "variance still reads {clean:.0f} of 100, and {attacked:.0f} under attack", heavy_variance),
    ("09", "PGD leaves between {low:.0f} % and {high:.0f} % of the digits read, without compression {least:.0f} % to {most:.0f} %", digits_under_attack),
    ("09", "one grey level still changes the answer of {low} to {high} %", fooled),
    ("09", "without compression {a:.0f}–{b:.0f} %; at γ = 0.1 {c:.0f}–{d:.0f} %, under each attack", every_attack),
    ("09", "cut to ε, {deepfool:.2f} grey levels without, {low_cut:.2f}–{high_cut:.2f} at γ = 0.1", nearest_errors),
    ("09", "compressed ({heavy:.1f} and {heavy_all:.1f} %) or not ({plain:.1f} and {plain_all:.1f} %). With loud noise one draw leaves {loud:.1f} %, the mean of all draws {loud_all:.1f} %", one_draw),
    ("09", "clean, γ = 10: L2 {l2:.0f} %, variance {variance:.0f} %, log-variance {log:.0f} %; without {without:.0f} %", heavy_clean),
    ("09", "variance has lost {lost:.0f} points", heavy_clean),
    ("09", "to {worst:.0f} % at γ = 1", calibration),
    ("09", "ECE {without:.1f} % without; at γ = 0.1 L2 {l2:.1f} %, variance {variance:.1f} %, log-variance {log:.1f} %; ± {error:.1f} at most over seeds", calibration),
    ("09", "rate {before:.2f} → {low:.2f}–{high:.2f} at γ = 0.01, confidence {sure:.2f} → {least:.2f}–{most:.2f}", foreign),
    ("09", "with compression: {before:.2f} without, {low:.2f} to {high:.2f} at γ = 0.01", foreign),
    ("09", "the other way round, {a:.0f} % and {b:.0f} %, and with variance there is nothing to see, {c:.0f} % and {d:.0f} %", survivors),
    ("09", "seems to gain {a:.1f}, {b:.1f} and {c:.1f} points", melted),
    ("09", "50 steps from ten starts {d:.1f}, {e:.1f} and {f:.1f} are left", melted),
    ("09", "1/16 {a:+.1f}, {b:+.1f}, {c:+.1f} points, 1.5/16 {d:+.1f}, {e:+.1f}, {f:+.1f}, 2/16 {g:+.1f}, {h:+.1f}, {i:+.1f}", worst_case),
    ("09", "find {starts:.1f} % of the images more than one without compression, and {more:.1f} % with", hidden),
    ("09", "seems to gain {a:.1f}, {b:.1f} and {c:.1f} points, under Square none (−{d:.1f}, −{e:.1f}, {f:+.1f})", hidden),
    ("09", "Square leaves {g:.0f}, {h:.0f} and {i:.0f} %, PGD {j:.0f}, {k:.0f} and {l:.0f} %, where without compression both leave {plain:.0f} %", hidden),
    ("09", "the rate takes them for known ({rate:.2f}), though the confidence still tells them ({sure:.2f})", taken_for_known),
    ("09", "L2 {a:.0f} → {d:.0f} %, variance {b:.0f} → {e:.0f} %, log-variance {c:.0f} → {f:.0f} %", photographs_under_attack),
    ("09", "At one level the fifteen gain between −{lost:.1f} and {gained:+.1f} points, each ± {least:.1f} to {most:.1f} over the photographs. But the three seeds without compression leave {low:.1f} to {high:.1f}, and variance at γ = 0.1 gains −{a:.1f}, {b:+.1f} and −{c:.1f}. Over its seeds γ = 0.1 gains {l2:+.1f} ± {of_l2:.1f} (L2), {mean:+.1f} ± {of_mean:.1f} (variance) and {log:+.1f} ± {of_log:.1f} (log-variance;", worst_of_eighteen),
    ("09", "At two levels {bare:.1f} to {bare_most:.1f} of a hundred are left without compression. Log-variance leaves {far:.1f} to {far_most:.1f} from γ = 0.03 on and L2 at γ = 0.3 leaves {heavy:.1f}, each ± {error:.1f}: more than chance, and next to nothing. Variance leaves {mild:.1f} to {mild_most:.1f}.", worst_of_eighteen),
    ("09", "1/255 −{lost:.1f} to {gained:+.1f} points, each ± {least:.1f} to {most:.1f} over photographs, over the seeds of γ = 0.1 {l2:+.1f}, {mean:+.1f} and {log:+.1f} (L2, variance, log-variance), where one seed of variance gains {b:.1f} and another loses {a:.1f}; 2/255 −{two:.1f} to {two_most:+.1f}, of {bare_most:.1f} that are left without", worst_of_eighteen),
    ("09", "at two log-variance and a heavy L2 gain {few:.0f} to {some:.0f} of a hundred", worst_of_eighteen),
    ("09", "and {few:.0f} or {some:.0f} of a hundred at two", worst_of_eighteen),
    ("09", "of these few {heavy_2:.1f} withstand two levels", groups),
    ("09", "L2 reads {fewer:.0f} fewer than the same seed without compression, variance {more:.0f} more, each ± {each:.0f}, and the three seeds without any differ by {apart:.0f}", photographs_meant),
    ("09", "FGSM leaves {fgsm:.0f} of either, where it leaves {bare:.0f} of the same seed, PGD from one start {pgd:.0f} where it leaves {from_one:.0f}", photographs_meant),
    ("09", "Even 500 steps of PGD leave {many_l2:.0f} and {many_variance:.0f}, where 200 of APGD up the same loss leave {ce_l2:.0f} and {ce_variance:.0f}, and up the ratio {apgd_l2:.0f} and {apgd_variance:.0f}", photographs_meant),
    ("09", "All attacks together leave {all_l2:.0f} and {all_variance:.0f}, and none without", photographs_meant),
]  # fmt: skip


@pytest.mark.parametrize(("chapter", "sentence", "made"), CLAIMS, ids=[f"{c[0]} {c[1][:40]}" for c in CLAIMS])
def test_a_number_in_the_prose_is_the_one_that_was_measured(chapter, sentence, made):
    assert sentence.format(**made()) in prose(chapter)


# What is left

GIVEN = {
    "05": {
        "0 among them": "chosen",
        "A batch of 64": "chosen",
        "on batches of 16": "chosen",
        "β′ = 1/(β − 1)": "by definition",
        "with weight γ/2": "by definition",
        "puts the floor at 0": "by definition",
        "ten digits need 3.3": "log₂ 10",
        "1.8 %, 1.3 % and 22.2 bits": "Alemi et al.'s code",
        "and 1.2 % with twelve draws": "Alemi et al.'s code",
        "one file of 5 MB": "`python -m benchmarks.export` measures it",
    },
    "06": {
        "; in 64 it finds": "chosen",
        "just 3 of 1000 points": "chosen",
        "The same 4 nats": "chosen",
        "more than half of the 4 nats": "chosen",
        "Every column has 4 nats": "chosen",
        "bins of width 0.1, 1, 10 and 100": "chosen",
        "bins of width 1,": "chosen",
        "bins of width 1 find": "chosen",
        "here 500 test digits": "all of them",
        "standard deviation 1.": "chosen",
        "costs more than 0.01": "a limit that `what_compression_costs` looks at",
        "fit into 2 GB": "tests/information/test_mixture.py: blocks stay small",
    },
    "07": {
        "after 1, 2, 5, 10, 20, 50, 100 and 200 of": "chosen",
        "from 0 to 12": "chosen",
        "dropped from step 100 on": "`second_phase` looks at it",
        "peaks after step 100": "`second_phase` looks at it",
        "of 6.91 nats": "ln 1000",
        "at the ceiling, ln 500": "by definition",
        "at rates 0, 0.1, 0.3, 0.5": "chosen",
        "at 0, 0.1, 0.3; on": "chosen",
        "at a rate of 0.1": "chosen",
        "at 0.3.": "chosen",
        "on all 10,000 test digits": "the whole of them",
        "loses at most 0.1 of its 2.3 nats": "a limit that `range_of_entropies` looks at",
    },
    "08": {
        "where ResNet-18 has 64": "its architecture",
        "near 100, bfloat16": "arithmetic: exercise 08.3",
        "with width 16,": "chosen",
        "2 + 2 narrow": "chosen",
        "15 + 15 narrow": "counted",
        "noise of standard deviation 0.24": "1/√(2πe)",
        "10.0, 10.2 and 10.3 % of": "trainings whose Records do not ship (`ibteach.training.recipe`)",
        "14 workers that share": "measured by `ibteach sweep`",
        "trained 135,000 photographs a second at width 16, where one alone trained 13,000": "measured by `ibteach sweep`",
        "an H200": "a device",
        "below −45,000 nats": "a limit that `bare` looks at",
        "all 128 units": "a number that `bare` looks at",
        "error 90 %": "a number that `bare` looks at",
        "in batches of 256": "chosen",
        "18 cut short": "counted",
        "48 narrow": "counted",
        "15 + 3 narrow": "counted",
        "a positive γ but 0.001 and 0.1": "chosen",
        "of 2.3 nats": "ln 10",
        "the full width of 64 left 7.1 % without compression and 6.9 % with": "trainings whose Records do not ship (`ibteach.training.recipe`)",
        "the mean over 12": "`ibteach.training.measuring.SAMPLES`",
        "65 TFLOP/s": "the maker's data sheet",
        "(β′ = 2γ": "by definition",
    },
    "09": {
        "about 70 when": "a limit that `at_first` looks at",
        "PGD with 1 to": "chosen",
        "for predictions only, 1,000 times": "`ibteach.evaluation.attacks.table`",
        "and asks 5,000 times": "Croce & Hein 2020",
        "200 of its digits": "chosen",
        "A distance of 0": "by definition",
        "given with 90 % confidence": "an example",
        "does not score 0": "by definition",
        "1 is perfect": "by definition",
        "where ResNet-18 has 64": "its architecture",
        "stays within 3": "a limit that `read_of_photographs` looks at",
        "the mean over 256": "chosen",
        "all 54": "counted",
        "(of all 500)": "all test digits",
        "Even 500 steps": "50 steps from ten starts",
        "where 200 of APGD": "100 steps from two starts",
    },
}  # fmt: skip
"""Numbers that are not measured here, with where they come from."""

RAN_BY_THE_READER = ("play-after",)  # answers about a training that the reader makes in the playground
THINGS = (
    "test images|random|of them|networks|narrow|digits?|images|photographs|test photographs|inputs|latents|latent|weights|"
    "epochs|batches|steps|starts|channels|dimensions|units|columns|pictures|numbers|MNIST networks"
)
UNMEASURED = (
    r"`[^`]*`",
    r"\$\$.*?\$\$",
    r"^# \d\d|## .*? \d\d ·|[Cc]hapter \d\d|answer-\d\d|exercise \d\d\.\d",
    r"(?:[A-Z][\w-]+|et al\.) \(?(?:19|20)\d\d\)?",
    r"CIFAR-10\b|ResNet-18\b",
    r"[γβεS]′? (?:=|≥|≤) \d+(?:[./]\d+)*(?:(?:,| to|, from) (?:γ = )?\d+(?:[./]\d+)*)*",
    r"\b\d+(?:\.\d+)?/(?:16|255)\b|one in 16|level in 255|run from 0 to 16",
    r"\d+ × \d+|of 100\b",
    rf"(?<![\w.])[\d,]+ (?:{THINGS})\b",
    r"\$(?:(?!\d\.\d)[^$])*\$",  # a formula without decimals
)


def unclaimed(chapter: str) -> list[str]:
    """Numbers of a chapter's prose that are in no claim's hole, are no weight, count or citation, and are not given."""
    told = (c for c in cells(chapter) if c["cell_type"] == "markdown" and c.get("id") not in RAN_BY_THE_READER)
    text = re.sub(r"```.*?```", "", "\n".join("".join(cell["source"]) for cell in told), flags=re.S)
    text = " ".join(re.sub(r"\]\([^)]*\)", "]", text.split("## Exercises")[0]).replace("\\vert", "|").split())
    for _, sentence, made in (claim for claim in CLAIMS if claim[0] == chapter):
        parts = [literal for literal, *_ in string.Formatter().parse(sentence)]
        text = text.replace(sentence.format(**made()), " … ".join(parts))
    for given in GIVEN[chapter]:
        text = text.replace(given, " … ")
    for pattern in UNMEASURED:
        text = re.sub(pattern, " … ", text, flags=re.S)
    return [text[max(0, m.start() - 40) : m.end() + 30] for m in re.finditer(r"(?<![\w.])\d[\d,]*(?:\.\d+)?", text)]


@pytest.mark.parametrize("chapter", GIVEN)
def test_no_measured_number_of_the_prose_is_unchecked(chapter):
    assert unclaimed(chapter) == []


@pytest.mark.parametrize(("chapter", "given"), [(c, each) for c in GIVEN for each in GIVEN[c]])
def test_what_is_given_is_still_said(chapter, given):
    assert given in prose(chapter)
