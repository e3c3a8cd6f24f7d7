// On a page of a site the pictures are files beside it, fetched when the figure is looked at: the state on screen first,
// then the ticks around it (`Frames.pump`). `states-N.json` holds the words and the picture names of CHUNK states; a picture
// holds some states side by side, transparent where the background is, in the light colours and with the dark ones beside.

const CHUNK = 64;
const AGAIN_MS = 5000; // what could not be fetched is asked for again

const fetched = async (address) => {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
  return answer;
};

const asked = (known, key, ask) => {
  if (!known.has(key)) {
    known.set(key, ask());
    known.get(key).catch(() => known.delete(key)); // asked again next time
  }
  return known.get(key);
};

// The place of a chunk in a PNG: from its length to its checksum.
function chunk(png, name) {
  const view = new DataView(png.buffer);
  for (let at = 8; at < png.length; at += 12 + view.getUint32(at)) {
    const end = at + 12 + view.getUint32(at);
    if (String.fromCharCode(...png.subarray(at + 4, at + 8)) === name) return [at, end];
  }
  throw new Error(`no ${name} in a picture`);
}

// A packed picture in the colours of a theme (`ibteach.display.live.packed`).
function coloured(png, theme) {
  if (theme !== "dark") return new Blob([png], { type: "image/png" });
  const [[start, end], [from, to]] = [chunk(png, "PLTE"), chunk(png, "daRk")];
  return new Blob([png.subarray(0, start), png.subarray(from + 8, to - 4), png.subarray(end)], { type: "image/png" });
}

export async function mountFiles(el, { spec, base, state, report }) {
  const places = spec.axes.filter(({ name }) => !spec.drawn || spec.drawn.places.includes(name));
  const [chunks, pictures, backgrounds] = [new Map(), new Map(), new Map()];
  const blob = async (name, turn) => URL.createObjectURL(turn(new Uint8Array(await (await fetched(new URL(name, base))).arrayBuffer())));
  const told = async (state) => {
    const at = places.reduce((sum, { name, values }) => sum * values.length + values.indexOf(state[name]), 0);
    const number = Math.floor(at / CHUNK);
    const states = await asked(chunks, number, async () => (await fetched(new URL(`states-${number}.json`, base))).json());
    return states[at % CHUNK];
  };
  const ask = async (wish) => {
    const { layout, theme, states } = wish;
    const of = `${layout}-${theme}`;
    try {
      const found = await Promise.all(states.map(told));
      if (spec.drawn) return frames.answer({ ...wish, drawings: found.map(({ drawing }) => drawing) }, []);
      const behind = await asked(backgrounds, of, () => blob(spec.backgrounds[of], (bytes) => new Blob([bytes], { type: "image/webp" })));
      const urls = await Promise.all(found.map(({ pictures: { [layout]: name } }) => asked(pictures, `${name}-${theme}`, () => blob(name, (png) => coloured(png, theme)))));
      const parts = found.map(({ part: [at, count] }) => ({ at, count, behind }));
      frames.answer({ ...wish, alts: found.map(({ alt }) => alt), targets: found.map(({ targets }) => targets?.[layout]), parts }, urls);
    } catch (error) {
      frames.answer({ ...wish, error: `This picture could not be fetched (${error.message}).` }, []);
      setTimeout(() => {
        frames.errors.clear();
        for (const view of frames.views) view.show();
      }, AGAIN_MS);
    }
  };
  const frames = new Frames(spec, ask);
  return new (viewOf(spec))(el, frames, state, report);
}
