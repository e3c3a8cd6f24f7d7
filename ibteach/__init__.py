"""ibteach: the information bottleneck, from the definition of entropy to trained networks.

The parts follow the way data flow, and each imports only from those before it: `information` (what we measure),
`bottleneck` (what is optimal), `objectives` (what a network minimises), `data`, `networks`, `records` (what is kept),
`training`, `evaluation` (what it is worth), `display` (what people see).
Each is imported when it is first used, so that ``import ibteach`` itself costs next to nothing.
"""

import importlib

__version__ = "0.2.0.dev0"
__all__ = [
    "bottleneck",
    "data",
    "display",
    "errors",
    "evaluation",
    "information",
    "networks",
    "objectives",
    "records",
    "training",
]


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
