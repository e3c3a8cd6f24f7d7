"""What is trained: encoders with a bottleneck and a linear decoder, alone or stacked in an ensemble."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
