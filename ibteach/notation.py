"""The symbols of the course, in the order in which they are met: the one list of them.

The site's page of notation is made from it, and a test holds the chapters against it.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Symbol:
    """What a letter stands for.

    `latex` is how it is set, and `chapter` the number of the one that introduces it.
    """

    latex: str
    meaning: str
    chapter: str


REGIONS_IN = "01"
"""The chapter whose diagram of Y − X − Z names every region."""
OBJECTIVES_IN = "05"
"""The chapter that introduces the objectives, in its words, its ladder of bounds and its playground."""

SYMBOLS = (
    Symbol("X", "input: what a network is shown, such as an image", "00"),
    Symbol("Y", "label: what is to be told from the input", "00"),
    Symbol("Z", "latent: what a network makes of the input", "00"),
    Symbol(r"\gamma", "weight of a surrogate in its plain form: what forgetting is worth", "00"),
    Symbol(r"-\ln p", "surprise at what had probability p, in nats", "00"),
    Symbol(r"\mathrm{H}[Y]", "entropy: the mean surprise", "01"),
    Symbol(r"\mathrm{H}[Y\mid Z]", "entropy of Y that is left when Z is known", "01"),
    Symbol(r"\mathrm{I}[X;Y]", "mutual information: what one tells of the other", "01"),
    Symbol(r"\mathrm{KL}(p\,\Vert\,q)", "Kullback–Leibler divergence: what it costs to take q for p", "01"),
    Symbol("A, B", "two more variables, where a diagram has three of any kind", "01"),
    Symbol("T", "code or cluster: the latent where everything is a table", "01"),
    Symbol(r"\beta", "weight of the relevance in the bottleneck's Lagrangian", "02"),
    Symbol(r"\beta'", "1/(β − 1): weight of the redundant information in the unified form", "02"),
    Symbol(r"\alpha", "between the bottleneck (1) and the deterministic one (0)", "02"),
    Symbol(r"\eta_{KL}", "contraction coefficient: the largest share of a rate that can be relevant", "02"),
    Symbol(
        r"\varepsilon",
        "noise added to the latent, of zero entropy; in 02 how often a channel flips, in 09 the size of an attack",
        "02",
    ),
    Symbol(r"\rho", "correlation of two Gaussian variables", "02"),
    Symbol(r"\mathrm{H}_q[Y\mid Z]", "decoder cross-entropy: the usual training loss", "03"),
    Symbol(r"\mathrm{H}_q[Y\mid X]", "prediction cross-entropy: of predictions averaged over latents", "03"),
    Symbol(r"q(y\mid z)", "decoder: the probability that it gives a label", "03"),
    Symbol(r"\hat Y", "prediction: the label that a network answers", "03"),
    Symbol("S", "number of latents drawn for one input", "03"),
    Symbol("K", "dimension of the latent", "04"),
    Symbol("f(X)", "encoder without its noise", "04"),
    Symbol(r"\sigma", "standard deviation of noise", "04"),
    Symbol("N", "number of examples", "04"),
    Symbol(r"v_{iy}", "variance of latent dimension i within class y, noise included", "05"),
    Symbol("r(z)", "prior over latents of the variational bounds", "05"),
    Symbol("k", "number of neighbours", "06"),
    Symbol(r"\psi", "digamma function", "06"),
    Symbol(r"\mathrm{ECE}", "expected calibration error: confidence against accuracy", "09"),
)
