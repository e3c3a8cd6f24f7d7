# ruff: noqa: E501 (a claim is one line)
"""What chapters say in numbers is what their own outputs, or the Records they show, say.

A claim is a sentence of a chapter with holes, and the numbers that belong into them, made here from the stored output
of a cell or from a Record. A chapter that is executed anew and says other numbers than its prose fails here.
"""

import functools
import json
import math
import re
from pathlib import Path

import pytest

from ibteach import records
from ibteach.evaluation import attacks

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
    return dict(bits=load("mnist-vib").quantities["test/rate"][0, -1].item() / math.log(2))


def moderate_log_variance():
    row = numbers(printed("05", "c26").split("log-variance")[1].splitlines()[0])[::2]  # mean, error, mean, …
    return dict(a=row[2], b=row[3])


def lightest_bracket():
    low, high = numbers(printed("06", "c27"))[:2]
    return dict(low=low, high=high)


def ceiling():
    return dict(ceiling=math.log(1297))


MNIST = "mnist-surrogates"


def at(cell_row: str, column: int) -> float:
    return table("07", "cell-11")[cell_row][column]


def heaviest():
    relevance, error = (value(MNIST, q, objective="variance", gamma=16) for q in (RELEVANCE, "argmax_error"))
    assert all(value(MNIST, RELEVANCE, objective=name, gamma=16) < 0.005 for name in ("l2", "log-variance"))
    return dict(relevance=relevance, error=100 * error)


RELEVANCE, REVERSE = "preserved_relevant_information", "reverse_decoder_uncertainty"


def range_of_entropies():
    first, last = ([at(f"{name} {REVERSE}", column) for name in SURROGATES] for column in (0, -1))
    kept = {name: 6 if name == "variance" else 4 for name in SURROGATES}
    lost = max(at(f"{name} {RELEVANCE}", 0) - at(f"{name} {RELEVANCE}", kept[name] - 1) for name in SURROGATES)
    errors = [e for name in SURROGATES for e in table("07", "cell-11")[f"{name} argmax_error"][: kept[name]]]
    assert lost <= 0.1005 and max(table("07", "cell-11")[f"{n} {REVERSE}"][-1] for n in SURROGATES) <= max(last)
    return dict(low=min(first), high=max(first), most=max(last), least_error=100 * min(errors), error=100 * max(errors))


def second_phase():
    rate = {name: load(MNIST).select(objective=name, gamma=0.016) for name in SURROGATES}
    falls, costs = [], []
    for of in rate.values():
        i, y = (of.quantities[f"test/{q}"].mean(0) for q in ("preserved_information", RELEVANCE))
        peak = int(i.argmax())
        falls.append((i[peak] - i[-1]).item())
        costs.append((y[peak] - y[-1]).item())
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


def cifar_entropies():
    return dict(zip("abc", (table("08", "cell-21")[f"{name} {REVERSE}"][-1] for name in SURROGATES), strict=True))


def both_entropies():
    imagenette = [table("08", "cell-24")[f"{name} {REVERSE}"][-1] for name in SURROGATES]
    return cifar_entropies() | dict(zip("def", imagenette, strict=True))


def cifar_errors():
    row = [100 * error for error in table("08", "cell-21")["variance argmax_error"][:5]]
    fall = [value("cifar10-surrogates", "preserved_information", objective="variance", gamma=g) for g in (0.0003, 0.03)]
    return dict(low=min(row), high=max(row), fall=fall[0] - fall[1])


def cifar_worst():
    last = {name: table("08", "cell-21")[f"{name} argmax_error"][-1] for name in SURROGATES}
    assert last["log-variance"] > 2 / 3
    return dict(error=100 * last["l2"])


def first_epochs():
    path = {
        (name, gamma): load("cifar10-surrogates").select(objective=name, gamma=gamma).quantities[f"test/{q}"][0]
        for name, gamma, q in (("l2", 0.1, REVERSE), ("variance", 0.03, REVERSE))
    }
    y = load("cifar10-surrogates").select(objective="variance", gamma=0.03).quantities[f"test/{RELEVANCE}"][0]
    l2, variance = (each.tolist() for each in path.values())
    return dict(a=l2[0], b=l2[1], c=l2[-1], d=variance[0], e=variance[1], f=variance[-1], g=y[1].item(), h=y[-1].item())


def rises_again():
    falls = [
        h for name in ("cifar10-surrogates", "imagenette-surrogates") for h in load(name).quantities[f"test/{REVERSE}"]
    ]
    return dict(rises=sum(bool(h[-1] - h.min() > 0.1) for h in falls), all=len(falls))


def imagenette_errors():
    rows = [table("08", "cell-24")[f"{name} argmax_error"] for name in SURROGATES]
    up_to = [*rows[0][:3], *rows[1], *rows[2][:3]]
    return dict(low=100 * min(map(min, rows)), high=100 * max(up_to))


def photographs_without_noise():
    l2 = [line for line in printed("08", "cell-26").splitlines() if line.startswith("l2 ")]
    with_noise, without = l2[2:]
    (noisy, noisy_error, noisy_decoder), (bare, error, decoder) = (
        (float(re.search(r"(-?[\d.]+) nats", line)[1]), float(re.search(r"(\d+)%", line)[1]), float(line.split()[-1]))
        for line in (with_noise, without)
    )
    return dict(bare=-bare, error=error, decoder=decoder, noisy=noisy, noisy_error=noisy_error, before=noisy_decoder)


def digits_under_attack():
    rows = table("09", "cell-16")
    pgd = [rows[f"PGD, ε = 1/16 {name}"] for name in SURROGATES]
    return dict(low=min(row[3] for row in pgd), high=max(row[3] for row in pgd), without=pgd[0][0])


def every_attack():
    rows = table("09", "cell-16")
    titles = ["FGSM", "basic iterative", "PGD"] + ["DeepFool"] * any(label.startswith("DeepFool") for label in rows)
    each = [rows[f"{title}, ε = 1/16 {name}"] for title in titles for name in SURROGATES]
    before, after = {row[0] for row in each}, [row[3] for row in each]
    return dict(a=min(before), b=max(before), c=min(after), d=max(after))


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


def distances():
    rows = [row for row in table("09", "cell-20").values() if len(row) == 6][-3:]
    return dict(before=rows[0][0], low=min(row[3] for row in rows), high=max(row[3] for row in rows))


def one_draw():
    plain, plain_all, loud, loud_all = (int(share) for share in re.findall(r"draws: (\d+)%", printed("09", "cell-23")))
    assert plain == plain_all
    return dict(plain=plain, loud=loud, all=loud_all)


def calibration():
    l2, variance, log_variance = (table("09", "cell-26")[f"calibration error {name}"] for name in SURROGATES)
    return dict(without=l2[0], l2=l2[3], variance=variance[3], log=log_variance[3], worst=l2[4])


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
        [100 * (1 - load("cifar10-robustness").select(objective=n, gamma=g).value(attacks.quantity("any", 1 / 255)).item())
         for n in SURROGATES]
        for g in (0.0003, 0.003)
    )  # fmt: skip
    return dict(zip("adbecf", [x for pair in zip(before, after, strict=True) for x in pair], strict=True))


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


def hidden():
    signs = attacks.masking(load("digits-robustness"), 2 / 16)
    starts = 100 * signs["by the start"].mean().item()
    a, b, c, d, e, f = seeming("pgd-50x1", 2) + seeming("square", 2)
    return dict(starts=starts, a=a, b=b, c=c, d=-d, e=-e, f=f)


CLAIMS = [
    ("05", "this bound falls to {bits:.1f}.", vib),
    ("05", "with {a:.2f} nats at γ = 0.03 and {b:.2f} at γ = 0.1, and then lets whole classes go", moderate_log_variance),
    ("06", r"$\ln 1297 = {ceiling:.2f}$", ceiling),
    ("06", "anything from {low:.0f} to {high:.0f} nats is possible", lightest_bracket),
    ("07", "variance climbs to $I[Y;Z]$ = {relevance:.2f} nats", heaviest),
    ("07", "with variance {relevance:.2f} nats are, and {error:.0f} % are misread", heaviest),
    ("07", "from {low:.1f} to {high:.1f} nats to {most:.2f} at most", range_of_entropies),
    ("07", "the error stays between {least_error:.0f} % and {error:.0f} %", range_of_entropies),
    ("07", "between {low:.1f} and {high:.1f} nats about the image are dropped", second_phase),
    ("07", "and at most {cost:.2f} about the digit", second_phase),
    ("07", "(by {variance:.2f} and {log:.2f} nats); L2 comes down by {l2:.2f}, to {last:.2f} of 6.91 nats", light),
    ("07", "to −{estimate:.1f} nats, and the network still reads digits", shrunk),
    ("07", "estimate −{estimate:.1f} nats, error {error:.0f} %; with noise {noisy:.0f} %", shrunk),
    ("07", "{a:.2f}, {b:.2f}, {c:.2f}, {d:.2f} nats at rates 0, 0.1, 0.3, 0.5", dropout_gaps),
    ("07", "peaks after epoch 1, then −{low:.1f} to −{high:.1f} nats, $I[Y;Z]$ −{cost:.2f} at most", second_phase),
    ("08", "from the ceiling to {a:.1f} nats (L2), {b:.1f} (variance) and {c:.2f} (log-variance)", cifar_entropies),
    ("08", "to {a:.1f}, {b:.1f}, {c:.2f} (L2, variance, log-variance; CIFAR-10) and {d:.1f}, {e:.1f}, {f:.1f}", both_entropies),
    ("08", "with variance it is {low:.0f} to {high:.0f} % from γ = 0.0003 to γ = 0.03", cifar_errors),
    ("08", "while $I[X;Z]$ falls by {fall:.1f} nats", cifar_errors),
    ("08", "L2 at γ = 0.1 misreads {error:.0f} %, log-variance more than two thirds", cifar_worst),
    ("08", "(L2 at γ = 0.1: {a:.1f} to {b:.1f} nats, then up to {c:.1f})", first_epochs),
    ("08", "(variance, γ = 0.03: {d:.1f}, {e:.1f}, at the end {f:.1f}, while $I[Y;Z]$ rises from {g:.1f} to {h:.1f})", first_epochs),
    ("08", "(by more than 0.1 nats in {rises} of {all})", rises_again),
    ("08", "The lowest error is {low:.0f} %, and up to γ = 0.003, with variance up to γ = 0.1, none is above {high:.0f} %", imagenette_errors),
    ("08", "L2, γ = 0.03: −{bare:.0f} nats, error {error:.0f} %, decoder {decoder:.1f}; with noise {noisy:.0f} nats, {noisy_error:.0f} %, {before:.1f}", photographs_without_noise),
    ("09", "variance still reads {clean:.0f} of 100, and {attacked:.0f} under attack", heavy_variance),
    ("09", "PGD leaves between {low:.0f} % and {high:.0f} % of the digits read, without compression {without:.0f} %", digits_under_attack),
    ("09", "one grey level still changes the answer of {low} to {high} %", fooled),
    ("09", "without compression {a:.0f}–{b:.0f} %; at γ = 0.1 {c:.0f}–{d:.0f} %, under each attack", every_attack),
    ("09", "DeepFool: {before:.2f} grey levels without, {low:.2f}–{high:.2f} at γ = 0.1", distances),
    ("09", "hides nothing: {plain} % either way. With loud noise one draw leaves {loud} %, the mean of all draws {all} %", one_draw),
    ("09", "clean, γ = 10: L2 {l2:.0f} %, variance {variance:.0f} %, log-variance {log:.0f} %; without {without:.0f} %", heavy_clean),
    ("09", "variance has lost {lost:.0f} points", heavy_clean),
    ("09", "to {worst:.0f} % at γ = 1", calibration),
    ("09", "ECE {without:.1f} % without; at γ = 0.1 L2 {l2:.1f} %, variance {variance:.1f} %, log-variance {log:.1f} %", calibration),
    ("09", "rate {before:.2f} → {low:.2f}–{high:.2f} at γ = 0.01, confidence {sure:.2f} → {least:.2f}–{most:.2f}", foreign),
    ("09", "with compression: {before:.2f} without, {low:.2f} to {high:.2f} at γ = 0.01", foreign),
    ("09", "the other way round, {a:.0f} % and {b:.0f} %, and with variance there is nothing to see, {c:.0f} % and {d:.0f} %", survivors),
    ("09", "seems to gain {a:.1f}, {b:.1f} and {c:.1f} points", melted),
    ("09", "50 steps from ten starts {d:.1f}, {e:.1f} and {f:.1f} are left", melted),
    ("09", "1/16 {a:+.1f}, {b:+.1f}, {c:+.1f} points, 1.5/16 {d:+.1f}, {e:+.1f}, {f:+.1f}, 2/16 {g:+.1f}, {h:+.1f}, {i:+.1f}", worst_case),
    ("09", "ten starts find {starts:.1f} % more", hidden),
    ("09", "seems to gain {a:.1f}, {b:.1f} and {c:.1f} points, under Square it gains none (−{d:.1f}, −{e:.1f}, {f:+.1f})", hidden),
    ("09", "L2 {a:.0f} → {d:.0f} %, variance {b:.0f} → {e:.0f} %, log-variance {c:.0f} → {f:.0f} %", photographs_under_attack),
]  # fmt: skip


@pytest.mark.parametrize(("chapter", "sentence", "made"), CLAIMS, ids=[f"{c[0]} {c[1][:40]}" for c in CLAIMS])
def test_a_number_in_the_prose_is_the_one_that_was_measured(chapter, sentence, made):
    assert sentence.format(**made()) in prose(chapter)
