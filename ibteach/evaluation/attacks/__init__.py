"""Adversarial attacks: how far an image must be changed before a trained network is wrong about it.

An attack that finds nothing proves nothing. So there are two kinds: the four *lessons*, by which the field learned, and
the attacks that are *meant*, each strong where another is weak, of which what counts is the worst case for every image.
They are told apart in `ibteach.evaluation.attacks.table`; `ibteach.evaluation.attacks.signs` asks whether what looks
robust only hides its gradient.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
