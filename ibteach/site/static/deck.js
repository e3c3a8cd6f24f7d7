// A deck: reveal.js turns the pages, formulas are set, figures live on their slides. Arrow keys turn the page, and move a
// slider while it has the focus; Escape gives them back to the deck.

import Reveal from "../reveal/reveal.esm.js";
import Notes from "../reveal/notes.esm.js";

const SIZE = { width: 1280, height: 720 };
const LEAST = 0.62; // of the size of the text, where a slide is full

const printing = /print-pdf/.test(location.search);
const figures = [...document.querySelectorAll(".ibteach-live")];
for (const figure of figures) {
  figure.dataset.preventSwipe = "";
  if (printing) figure.className = "ibteach-still"; // paper shows the picture
}

// In the address: the slide, from 1 on, or what a figure shows once it was moved. NaN where it leads nowhere.
function slideOf(asked) {
  const figure = figures.find(({ dataset }) => dataset.figure === asked.get("figure"));
  const slides = [...document.querySelectorAll(".slides > section")];
  return figure ? slides.indexOf(figure.closest("section")) : parseInt(asked.get("slide")) - 1;
}

// Text that does not fit its slide becomes smaller, down to a size that the last row still reads.
function fit(slide) {
  const body = slide.querySelector(".body");
  if (!body || slide.classList.contains("figure")) return;
  for (let size = 1; size >= LEAST; size -= 0.04) {
    body.style.setProperty("--fit", size);
    if (body.scrollHeight <= body.clientHeight + 1 && body.scrollWidth <= body.clientWidth + 1) break;
  }
}

addEventListener(
  "keydown",
  (event) => {
    const inside = document.activeElement?.closest(".ibteach-figure, .ibteach-predict");
    if (event.key !== "Escape" || !inside || document.fullscreenElement?.contains(inside)) return;
    document.activeElement.blur();
    event.stopImmediatePropagation();
  },
  true,
);

const deck = new Reveal(document.querySelector(".reveal"), {
  ...SIZE,
  margin: 0.03,
  center: false,
  hash: false,
  transition: "none",
  backgroundTransition: "none",
  slideNumber: "c/t",
  viewDistance: 2,
  pdfSeparateFragments: false,
  plugins: [Notes],
  keyboardCondition: () => !document.activeElement?.closest(".ibteach-figure, .ibteach-predict"),
});

const printed = new Promise((done) => deck.on("pdf-ready", done));
await deck.initialize();
const { asked, setMaths } = await import("./site.js"); // mounts figures, too, when their slide comes near
setMaths(document);
await document.fonts.ready;
if (printing) {
  document.querySelectorAll(".slides section").forEach(fit);
  await printed;
  // On paper every slide is there; reveal.js leaves all but one hidden from those who do not see.
  for (const slide of document.querySelectorAll(".pdf-page > section")) {
    slide.hidden = false;
    slide.removeAttribute("aria-hidden");
  }
} else {
  deck.on("slidechanged", ({ currentSlide, indexh }) => {
    if (document.activeElement?.closest("section")?.hidden === false) document.activeElement.blur();
    fit(currentSlide);
    if (slideOf(asked()) !== indexh) history.replaceState(null, "", `#slide=${indexh + 1}`);
  });
  const follow = () => slideOf(asked()) >= 0 && deck.slide(slideOf(asked()));
  addEventListener("hashchange", follow);
  follow();
  fit(deck.getCurrentSlide());
}
document.documentElement.dataset.ready = "";
