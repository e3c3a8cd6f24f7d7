"""What a network learns from: data sets whole in memory, where they come from, augmentation, label noise."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
