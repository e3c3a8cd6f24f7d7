"""How it is trained: runs, one loop for a network and for an ensemble, checkpoints, measurements, sweeps."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
