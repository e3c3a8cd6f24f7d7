"""A small scene for the tests of the display: two rings whose radius and colour are the state."""

import numpy as np

from ibteach.display.live.scene import Axis, Scene


class Rings(Scene):
    title = "Two rings"
    size = (6.0, 3.0)
    axes = (
        Axis("radius", "radius r", [round(0.1 * i, 1) for i in range(1, 25)], start=4),
        Axis("ring", "ring", ["left", "right", "both"]),
        Axis("colour", "class colour", [f"colour {i}" for i in range(10)]),
    )

    def build(self, figure, theme):
        axes = figure.subplots()
        axes.set(xlim=(-6, 6), ylim=(-3, 3), xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
        self.colours = theme.cycle
        self.rings = [axes.plot([], [])[0] for _ in range(2)]
        self.label = axes.text(0, 2.6, "", ha="center", va="top")
        return [*self.rings, self.label]

    def update(self, radius, ring, colour):
        angle = np.linspace(0, 2 * np.pi, 60)
        for name, line, centre in zip(("left", "right"), self.rings, (-3, 3), strict=True):
            line.set_data(centre + radius * np.cos(angle), radius * np.sin(angle))
            line.set_color(self.colours[int(colour.split()[1])])
            line.set_visible(ring in (name, "both"))
        self.label.set_text(f"r = {radius:g}")

    def alt(self, radius, ring, colour):
        which = "Both rings are" if ring == "both" else f"The {ring} ring is"
        return f"{which} drawn in {colour} with radius {radius:g}."
