"""The playground: γ moves while the network trains.

The lesson's network and its objectives once more, in JavaScript (`engine.js`), so that a reader's browser trains it in
seconds, in a notebook as in a page without a kernel; `worker.js` gives the training a thread of its own, `figure.js`
draws. `widget` is the notebook's side of it; `trained` turns what was trained into a `Record` and weights into a
network, and back; `still` is its picture for those without scripts.
"""

import sys
import types

from ibteach.display.playground.widget import Playground, playground

__all__ = ["Playground", "playground"]


class _Callable(types.ModuleType):
    """So that ``from ibteach.display import playground`` and ``playground()`` is all a notebook has to say."""

    def __call__(self, **settings) -> Playground:
        return playground(**settings)


sys.modules[__name__].__class__ = _Callable
