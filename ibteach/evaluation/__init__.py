"""What it is worth: predictions averaged over the noise, attacks, calibration, foreign inputs."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
