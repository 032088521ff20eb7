// A video with its controls on it: they come when somebody moves, and leave while it plays.

import {element, setAttribute, setText} from '../dom.js';
import {icon} from '../icons.js';
import {lengthInWords} from '../words.js';
import {iconButton} from './controls.js';
import {pictureFiles} from './picture.js';
import {fileOf, Playback} from './playback.js';
import {storyboardOf, timeline} from './timeline.js';

const IDLE_MILLISECONDS = 2500;
const EDGE_SECONDS = 0.5; // what lies so close to the end of what is made is not there yet
const SHOWN_BY = ['play', 'pause', 'timeupdate', 'seeking', 'seeked', 'waiting', 'canplay', 'durationchange', 'volumechange', 'ended', 'loadedmetadata'];
const UNMADE = 'This part is still being made. It goes on by itself as soon as it is there.';

/** `readItem` resolves to the item with fresh addresses. */
export function videoView({item: first, readItem}) {
  let item = first;
  let isWished = false; // that it plays; a new source ends the playing, not the wish
  let idle = 0;
  let onlyWakes = false; // the first touch shows the controls; a mouse has shown them by moving
  const stopper = new AbortController();
  const {signal} = stopper;
  const isLoop = !item.playlist_url; // what was an animated picture has its one file and nothing else
  const video = element('video', {class: 'video-picture', playsinline: true, preload: 'metadata', crossorigin: 'anonymous', loop: isLoop, poster: posterOf(item), 'aria-label': item.caption || item.name, tabindex: -1});
  video.muted = isLoop;
  const said = element('p', {class: 'video-said', role: 'status'});
  const start = element('button', {class: 'video-start', type: 'button', 'aria-label': 'Play', onclick: toggle}, icon('play'));
  const play = iconButton('Play', 'play', toggle);
  const sound = iconButton('Mute', 'sound', () => {
    video.muted = !video.muted;
  });
  const enlarge = iconButton('Full screen', 'enlarge', toggleFull);
  const clock = element('span', {class: 'video-clock'});
  const rung = element('span', {class: 'video-rung', title: 'What is being fetched'});
  const bar = timeline({onSeek: (seconds) => (video.currentTime = seconds), readStoryboard});
  const controls = element('div', {class: 'video-controls'}, bar.node, element('div', {class: 'video-buttons'}, play, !isLoop && sound, clock, rung, enlarge));
  const node = element('div', {class: 'video', 'data-active': true}, video, said, start, controls);

  /** Browsers may refuse to begin by themselves; then the button is still there. A source that is set before the event
   * `play` discards that event, so it can't be what records the wish. */
  function attempt() {
    isWished = true;
    return video.play().catch((error) => {
      if (!['NotAllowedError', 'AbortError', 'NotSupportedError'].includes(error.name)) throw error;
      if (error.name !== 'NotAllowedError') return;
      isWished = false;
      draw();
    });
  }

  function toggle() {
    if (!isWished) attempt();
    else {
      isWished = false;
      video.pause();
    }
    wake();
    draw();
  }

  function toggleFull() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (node.requestFullscreen) node.requestFullscreen();
    else video.webkitEnterFullscreen(); // iPhones give it to the picture alone
  }

  function draw() {
    const {currentTime: at, readyState, seeking} = video;
    const paused = video.paused && !isWished;
    const duration = item.duration_seconds || (Number.isFinite(video.duration) ? video.duration : 0);
    const isShort = readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
    const {isComplete, madeSeconds, trouble} = playback;
    const isUnmade = !isComplete && isShort && at > 0 && madeSeconds > 0 && at > madeSeconds - EDGE_SECONDS; // 0: not known yet
    bar.draw({at: Math.min(at, duration), duration, made: madeSeconds, complete: isComplete});
    setText(said, trouble || (isUnmade ? UNMADE : ''));
    setText(clock, `${lengthInWords(at)} / ${lengthInWords(duration)}`);
    setText(rung, playback.rung);
    setFace(play, paused ? 'Play' : 'Pause', paused ? 'play' : 'pause');
    setFace(sound, video.muted ? 'Unmute' : 'Mute', video.muted ? 'muted' : 'sound');
    start.hidden = !paused || Boolean(said.textContent) || seeking || isLoop || at > 0;
    setAttribute(node, 'data-waiting', playback.isUnderWay && !isUnmade && isShort && (!paused || seeking));
    setAttribute(node, 'data-paused', paused || Boolean(said.textContent)); // nothing moves: the controls stay
  }

  async function readStoryboard() {
    const [track, image] = ['storyboard_track', 'storyboard'].map((name) => fileOf(item, name));
    return track && image ? storyboardOf({track, image}) : null;
  }

  /** Controls are there while somebody moves. */
  function wake() {
    setAttribute(node, 'data-active', true);
    clearTimeout(idle);
    idle = setTimeout(() => video.paused || setAttribute(node, 'data-active', false), IDLE_MILLISECONDS);
  }

  video.addEventListener('play', () => (isWished = true), {signal});
  video.addEventListener('pause', () => (isWished = false), {signal});
  for (const type of SHOWN_BY) video.addEventListener(type, draw, {signal});
  for (const type of ['pointermove', 'pointerdown', 'keydown', 'focusin']) node.addEventListener(type, wake, {signal});
  video.addEventListener('loadedmetadata', () => isWished && attempt(), {signal});
  video.addEventListener('pointerdown', ({pointerType}) => {
    onlyWakes = pointerType === 'touch' && node.dataset.active === undefined;
  }, {signal});
  video.addEventListener('click', () => onlyWakes || toggle(), {signal});
  document.addEventListener('fullscreenchange', () => setFace(enlarge, ...(document.fullscreenElement ? ['Leave full screen', 'reduce'] : ['Full screen', 'enlarge'])), {signal});
  signal.addEventListener('abort', () => clearTimeout(idle));
  const playback = new Playback(video, item, readItem);
  playback.addEventListener('change', draw);
  if (isLoop && !matchMedia('(prefers-reduced-motion: reduce)').matches) attempt();
  draw();
  return {
    node,
    /** What is known of the item now. */
    update(next) {
      item = next;
      playback.update(item);
      draw();
    },
    /** A key that nobody else took; true if it meant something here. */
    press(key) {
      const meant = {' ': toggle, k: toggle, m: () => sound.click(), f: toggleFull}[key];
      meant?.();
      return Boolean(meant);
    },
    close() {
      stopper.abort();
      playback.close();
    },
  };
}

function posterOf(item) {
  const files = pictureFiles(item);
  return (files.find(({name}) => name === 'large') ?? files.at(-1))?.url ?? undefined;
}

function setFace(button, label, glyph) {
  if (button.getAttribute('aria-label') === label) return;
  button.replaceChildren(icon(glyph));
  setAttribute(button, 'aria-label', label);
  setAttribute(button, 'title', label);
}
