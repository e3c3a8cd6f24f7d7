"""The stop button: an interrupt as a wish, so that what was trained until then is kept."""

import signal
import threading


class StopButton:
    """Within it the first interrupt is a wish, read as `asked` after each step; a second one interrupts at once.

    Of two, one within the other, each is asked by what is asked of the other: who trains one network stops, and so does
    who trains many.
    """

    def __init__(self) -> None:
        self.asked, self._before, self._around = False, None, None

    def __enter__(self) -> "StopButton":
        if threading.current_thread() is threading.main_thread():  # signals reach no other
            self._before = signal.signal(signal.SIGINT, self._press)
            around = getattr(self._before, "__self__", None)
            if isinstance(around, StopButton):
                self._around, self.asked = around, around.asked
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _press(self, *_: object) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        if self._around:
            self._around.asked = True
