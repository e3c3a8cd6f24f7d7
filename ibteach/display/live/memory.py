"""Memory that drawings held, given back to the system and not only to this process.

Figures refer to themselves in circles, so Python frees them when it next collects; and the C library keeps what was
freed for later. A notebook of a dozen figures would hold some hundred megabytes of pictures that nobody sees any more.
"""

import ctypes
import gc
import sys


def give_back() -> None:
    """Free what nothing refers to any more, and let the system have it, where the C library can (glibc)."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)
