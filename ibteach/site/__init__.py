"""The course as a website: every chapter a page, every figure live on it, and nothing asked of another host.

`build` runs the notebooks, or takes from its cache what did not change, and lets Sphinx make pages of them; `execution`
runs them, `prepared` makes of a notebook what a page shows, `written` writes the pages that no notebook is, and
`extension` is what Sphinx is told of maths and figures. The site works from a folder behind any file server.
"""

import importlib

from ibteach.errors import Unavailable

try:
    for needed in ("furo", "myst_nb", "nbclient", "sphinx_revealjs"):
        importlib.import_module(needed)
except ImportError as error:
    raise Unavailable(f'{error.name} is not installed here: python -m pip install ".[site]"') from error

from ibteach.site.build import Site, build

__all__ = ["Site", "build"]
