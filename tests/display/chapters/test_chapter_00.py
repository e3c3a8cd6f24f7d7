"""The map of the course: what it says of a chapter is what the list of chapters says."""

import numpy as np

from ibteach.course import CHAPTERS
from ibteach.display.chapters import chapter_00


def test_the_way_to_a_chapter_has_all_that_it_needs_before_it():
    for chapter in CHAPTERS:
        way = [one.number for one in chapter_00.way_to(chapter.number)]
        assert way[-1] == chapter.number and way == sorted(way) and set(chapter.needs) <= set(way)


def test_the_map_says_what_it_shows_at_every_state():
    scene = chapter_00.MapScene()
    figure = chapter_00.course_map()
    pictures = []
    for chapter in CHAPTERS[1:]:
        figure.state = {"chapter": str(chapter)}
        alt = scene.alt(**figure.state)
        assert chapter.question in alt and all(f"{need} " in alt for need in chapter.needs)
        pictures.append(figure.picture())
    assert len(set(pictures)) == len(pictures)
    places = np.array(list(scene.places.values()))
    apart = np.abs(places[:, None] - places[None])[~np.eye(len(places), dtype=bool)]
    assert ((apart[:, 0] > scene.BOX[0]) | (apart[:, 1] > scene.BOX[1])).all()  # no box lies on another


def test_arrows_lead_from_left_to_right():
    scene = chapter_00.MapScene()
    for chapter in scene.chapters:
        for need in chapter.needs:
            assert scene.places[need][0] < scene.places[chapter.number][0]
