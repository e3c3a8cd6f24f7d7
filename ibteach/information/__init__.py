"""What we measure: entropies and information of tables, of Gaussians, of trained networks. All in nats."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
