// The bar below a video: what was seen, what is made, where one is, and above the pointer the picture of that moment.

import {element, setAttribute, setText} from '../dom.js';
import {storyboardTrack} from '../playlist.js';
import {lengthInWords} from '../words.js';

const STEP_SECONDS = 5;
const STEPS = {ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -6, PageUp: 6};

/** `onSeek(seconds)`. `readStoryboard` resolves to `{track, image}`, two URLs, or to null while there is none. */
export function timeline({onSeek, readStoryboard}) {
  const position = element('input', {class: 'timeline-position', type: 'range', min: 0, max: 1, step: 'any', value: 0, 'aria-label': 'Position'});
  const sprite = element('img', {alt: ''});
  const frame = element('div', {class: 'timeline-frame', hidden: true}, sprite);
  const moment = element('span', {});
  const preview = element('div', {class: 'timeline-preview', hidden: true, 'aria-hidden': 'true'}, frame, moment);
  const node = element('div', {class: 'timeline'}, position, preview);
  let shown = {duration: 0, made: 0, complete: false};
  let storyboard = null;
  let pointed = null; // the pointer, from the left of the page

  function seek(seconds) {
    const to = Math.max(0, Math.min(shown.duration, seconds));
    onSeek(to);
    draw({...shown, at: to});
  }

  /** `{at, duration, made, complete}`, all but the last in seconds. */
  function draw(next) {
    shown = next;
    const share = (seconds) => `${shown.duration ? (100 * seconds) / shown.duration : 0}%`;
    setAttribute(position, 'max', shown.duration);
    position.value = shown.at;
    setAttribute(position, 'aria-valuetext', `${lengthInWords(shown.at)} of ${lengthInWords(shown.duration)}`);
    const made = shown.complete ? shown.duration : shown.made;
    node.style.setProperty('--seen', share(Math.min(shown.at, made)));
    node.style.setProperty('--made', share(made));
    if (pointed !== null) point();
  }

  function point() {
    preview.hidden = pointed === null;
    if (pointed === null) return;
    const {left, width} = position.getBoundingClientRect();
    const share = Math.max(0, Math.min(1, (pointed - left) / width));
    const seconds = share * shown.duration;
    const isMade = shown.complete || shown.made === 0 || seconds < shown.made; // 0: not known yet
    setText(moment, isMade ? lengthInWords(seconds) : `${lengthInWords(seconds)} · still being made`);
    drawFrame(seconds);
    const half = preview.offsetWidth / 2;
    preview.style.setProperty('left', `${Math.max(half, Math.min(width - half, share * width))}px`);
  }

  function drawFrame(seconds) {
    const cue = storyboard?.cues.findLast(({start}) => start <= seconds);
    if (cue && sprite.src !== storyboard.image) sprite.src = storyboard.image;
    frame.hidden = !cue || !sprite.complete;
    if (frame.hidden) return;
    frame.style.setProperty('width', `${cue.width}px`);
    frame.style.setProperty('height', `${cue.height}px`);
    sprite.style.setProperty('transform', `translate(${-cue.x}px, ${-cue.y}px)`);
  }

  /** Once, when somebody is about to look. */
  async function load() {
    storyboard ??= await readStoryboard();
    point();
  }

  position.addEventListener('input', () => seek(Number(position.value)));
  position.addEventListener('keydown', (event) => {
    const steps = STEPS[event.key];
    if (!steps || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault(); // the browser's own step is a hundredth, however long the film
    seek(Number(position.value) + steps * STEP_SECONDS);
  });
  sprite.addEventListener('load', point);
  node.addEventListener('pointerenter', load);
  node.addEventListener('pointermove', (event) => {
    pointed = event.clientX;
    point();
  });
  node.addEventListener('pointerleave', () => {
    pointed = null;
    point();
  });
  return {node, draw, seek};
}

/** `null` when the track cannot be read: then there is only the time to see. */
export async function storyboardOf({track, image}) {
  try {
    const response = await fetch(track);
    return response.ok ? {image, cues: storyboardTrack(await response.text())} : null;
  } catch (error) {
    if (error instanceof TypeError) return null; // no connection
    throw error;
  }
}
