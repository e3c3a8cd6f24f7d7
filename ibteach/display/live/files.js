// On a page of a site the pictures are files beside it, fetched when the figure is looked at: the state on screen first,
// then the ticks around it (`Frames.pump`). `states-N.json` holds the words and the picture names of CHUNK states.

const CHUNK = 64;

const fetched = async (address) => {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
  return answer;
};

export async function mountFiles(el, { spec, base, state, report }) {
  const places = spec.axes.filter(({ name }) => !spec.drawn || spec.drawn.places.includes(name));
  const chunks = new Map();
  const told = async (state) => {
    const at = places.reduce((sum, { name, values }) => sum * values.length + values.indexOf(state[name]), 0);
    const chunk = Math.floor(at / CHUNK);
    if (!chunks.has(chunk)) chunks.set(chunk, fetched(new URL(`states-${chunk}.json`, base)).then((answer) => answer.json()));
    chunks.get(chunk).catch(() => chunks.delete(chunk)); // asked again next time
    return (await chunks.get(chunk))[at % CHUNK];
  };
  const ask = async (wish) => {
    const { layout, theme, states } = wish;
    const of = `${layout}-${theme}`;
    try {
      const found = await Promise.all(states.map(told));
      if (spec.drawn) return frames.answer({ ...wish, drawings: found.map(({ drawing }) => drawing) }, []);
      const picture = ({ pictures }) => fetched(new URL(pictures[of], base)).then((answer) => answer.arrayBuffer());
      const pictures = await Promise.all(found.map(picture));
      frames.answer({ ...wish, alts: found.map(({ alt }) => alt), targets: found.map(({ targets }) => targets?.[of]) }, pictures);
    } catch (error) {
      frames.answer({ ...wish, error: `This picture could not be fetched (${error.message}).` }, []);
    }
  };
  const frames = new Frames(spec, ask);
  return new (viewOf(spec))(el, frames, state, report);
}
