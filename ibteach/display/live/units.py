"""Axes that say information in nats and in bits."""

import math


def nats_and_bits(axis, axes, largest, label):
    """An axis from 0 to `largest` nats, with the same in bits on the other side."""
    bits = (lambda nats: nats / math.log(2)), (lambda bits: bits * math.log(2))
    if axis.axis_name == "x":
        axes.set(xlim=(0, largest), xlabel=label)
        axes.secondary_xaxis("top", functions=bits).set_xlabel("bits")
    else:
        axes.set(ylim=(0, largest), ylabel=label)
        axes.secondary_yaxis("right", functions=bits).set_ylabel("bits")
