"""The four attacks by which the field learned, of foolbox (``pip install "ibteach[attacks]"``): one step, ten, twenty
from a random place, and the nearest error as if the network were linear. Each is weaker than what is *meant*
(`ibteach.evaluation.attacks.table`), and what withstands them need not be robust.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from ibteach.errors import Unavailable
from ibteach.evaluation.attacks.ascent import log_odds
from ibteach.evaluation.prediction import Prediction
from ibteach.seeds import drawing

if TYPE_CHECKING:
    from jaxtyping import Float, Int

CLASSES = {
    "fgsm": {"linf": "LinfFastGradientAttack", "l2": "L2FastGradientAttack"},
    "bim": {"linf": "LinfBasicIterativeAttack", "l2": "L2BasicIterativeAttack"},
    "pgd": {"linf": "LinfProjectedGradientDescentAttack", "l2": "L2ProjectedGradientDescentAttack"},
    "deepfool": {"linf": "LinfDeepFoolAttack", "l2": "L2DeepFoolAttack"},
}
"""Name -> norm -> its class in foolbox."""

SMALLEST = ("deepfool",)
"""Those that look for one image, as near as possible (ε = None in foolbox), instead of one within each ε."""


def changed(
    attacker: Prediction,
    pixels: Float[Tensor, "M N c h w"],
    labels: Int[Tensor, " N"],
    name: str,
    settings: dict,
    epsilons: list[float],
    norm: str,
    seed: int,
) -> tuple[Float[Tensor, "M N c h w"], list[Float[Tensor, "M N c h w"]]]:
    """The nearest image that the attack found (of the last ε, where it looks for none), and one within each ε."""
    library, members = foolbox(), len(attacker)
    run = getattr(library.attacks, CLASSES[name][norm])(**settings)
    if name not in SMALLEST:
        run.get_loss_fn = _log_odds
    attacked = nn.Sequential(nn.Unflatten(0, (members, -1)), attacker, nn.Flatten(0, 1)).eval()
    model = library.PyTorchModel(attacked, bounds=(0, 1), device=pixels.device)
    start, truth = pixels.flatten(0, 1), labels.to(pixels.device).repeat(members)
    nearest, within = start, []
    for sizes in [[*epsilons, None]] if name in SMALLEST else [[epsilon] for epsilon in epsilons]:
        with drawing(seed, "attack", pixels.device):  # anew for each ε: none depends on which others were asked for
            found, kept, _ = run(model, start, truth, epsilons=sizes)
        nearest = found[-1]
        within += [one.unflatten(0, (members, -1)) for one in kept]
    return nearest.unflatten(0, (members, -1)), within[: len(epsilons)]


def _log_odds(model, labels):
    """What FGSM and PGD climb here: the sum of `log_odds`, which never saturates."""
    from eagerpy.astensor import astensor

    def loss(inputs):
        return astensor(log_odds(model(inputs).raw, labels.raw).sum())

    return loss


def foolbox() -> Any:
    """The library; raises `Unavailable` where it is not installed."""
    try:
        with warnings.catch_warnings():
            # foolbox 3.3.4 takes a filter from where SciPy does not want it taken any longer; we do not use it.
            warnings.filterwarnings("ignore", "Please (import|use) `gaussian_filter`", DeprecationWarning)
            import foolbox
    except ImportError as error:
        raise Unavailable(f'attacks: need foolbox ({error}); python -m pip install "ibteach[attacks]".') from error
    return foolbox
