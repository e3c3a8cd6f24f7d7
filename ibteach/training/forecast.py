"""How long a training will take, said after its first steps, so that nobody waits without knowing what for."""

import time

import torch

WARM, TIMED = 5, 10  # steps
LONG = 60
"""From how many seconds on a training says beforehand how long it will take."""


class Forecast:
    """Told of every step, it says once what all of them will take, if that is long."""

    def __init__(self, device: torch.device) -> None:
        self.device, self._warm = device, 0.0

    def after(self, step: int, steps: int, measuring: float) -> str | None:
        """What to say after this step, if all `steps` and `measuring` seconds beside them take `LONG` or longer."""
        if step not in (WARM, WARM + TIMED):
            return None
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()
        if step == WARM:
            self._warm = time.perf_counter()
            return None
        seconds = steps * (time.perf_counter() - self._warm) / TIMED + measuring
        if seconds < LONG:
            return None
        on = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else self.device.type
        ready = " `ibteach records list` names what was recorded already." if self.device.type == "cpu" else ""
        took = f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
        return (
            f"About {took} on this {on}, by its first {WARM + TIMED} steps; interrupt it, and what was "
            f"trained is kept.{ready}"
        )

    def leave_out(self, seconds: float) -> None:
        """Of the time since the last step, these went into a measurement, which is no step."""
        self._warm += seconds
