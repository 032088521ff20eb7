// A video with its controls: fed segment by segment, played by the browser itself, or from its one file.

import {element, setAttribute, setText} from '../dom.js';
import {icon} from '../icons.js';
import {persist} from '../retry.js';
import {lengthInWords} from '../words.js';
import {iconButton} from './controls.js';
import {pictureFiles} from './picture.js';
import {canFeed, Player} from './player.js';
import {storyboardOf, timeline} from './timeline.js';

const HLS = 'application/vnd.apple.mpegurl';
const IDLE_MILLISECONDS = 2500;
const MOST_REOPENINGS = 3;
const EDGE_SECONDS = 0.5; // what lies so close to the end of what is made is not there yet
const SHOWN_BY = ['play', 'pause', 'timeupdate', 'seeking', 'seeked', 'waiting', 'canplay', 'durationchange', 'volumechange', 'ended', 'loadedmetadata'];
const UNMADE = 'This part is still being made. It goes on by itself as soon as it is there.';
const NOT_YET = 'This browser can play it when all of it is made.';
const NEVER = 'This browser cannot play it. The original can be downloaded.';

const fileOf = (item, name) => item.renditions.find((each) => each.name === name)?.url ?? null;

/** Whether there is anything to play. */
export const isPlayable = (item) => item.kind === 'video' && Boolean(item.playlist_url || fileOf(item, 'video'));

/** `readItem` resolves to the item with fresh addresses. */
export function videoView({item: first, readItem}) {
  let item = first;
  let player = null;
  let way = null; // `segments`, `native`, `file`, or none
  let reopenings = 0;
  let trouble = '';
  let isWished = false; // that it plays; a new source ends the playing, not the wish
  let idle = 0;
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

  function begin() {
    if (item.playlist_url && canFeed()) feed();
    else if (item.playlist_url && video.canPlayType(HLS)) playAddress('native', item.playlist_url);
    else playFile();
  }

  function feed() {
    way = 'segments';
    player = new Player(video, item, () => persist(readItem, {signal}));
    player.addEventListener('made', draw, {signal});
    player.addEventListener('unplayable', () => {
      const at = video.currentTime;
      player.close();
      player = null;
      playFile(at);
    }, {signal});
  }

  function playFile(at) {
    const address = fileOf(item, 'video');
    trouble = address ? '' : item.state === 'ready' ? NEVER : NOT_YET;
    if (address) playAddress('file', address, at);
    else way = null;
    draw();
  }

  function playAddress(by, address, at = video.currentTime) {
    way = by;
    video.src = address;
    if (at) video.currentTime = at;
    if (isLoop && !matchMedia('(prefers-reduced-motion: reduce)').matches) attempt();
  }

  /** The address has run out, or the browser cannot do it that way. */
  async function reopen() {
    if (way === null || way === 'segments') return;
    if (reopenings++ >= MOST_REOPENINGS) {
      trouble = NEVER;
      return draw();
    }
    item = await persist(readItem, {signal});
    if (way === 'native' && !fileOf(item, 'video')) playAddress('native', item.playlist_url);
    else playFile();
    return undefined;
  }

  /** Browsers may refuse to begin by themselves; then the button is still there. */
  function attempt() {
    return video.play().catch((error) => {
      if (!['NotAllowedError', 'AbortError', 'NotSupportedError'].includes(error.name)) throw error;
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
    const isUnmade = player !== null && !player.complete && isShort && at > player.madeSeconds - EDGE_SECONDS && at > 0;
    const made = player ? player.madeSeconds : way === 'native' && video.seekable.length ? video.seekable.end(0) : duration;
    bar.draw({at: Math.min(at, duration), duration, made, complete: player ? player.complete : way === 'file' || item.state === 'ready'});
    setText(said, isUnmade ? UNMADE : trouble);
    setText(clock, `${lengthInWords(at)} / ${lengthInWords(duration)}`);
    setText(rung, player?.rung ? `${Math.min(player.rung.width, player.rung.height)}p` : '');
    setFace(play, paused ? 'Play' : 'Pause', paused ? 'play' : 'pause');
    setFace(sound, video.muted ? 'Unmute' : 'Mute', video.muted ? 'muted' : 'sound');
    start.hidden = !paused || Boolean(said.textContent) || seeking || isLoop || at > 0;
    setAttribute(node, 'data-waiting', !isUnmade && !trouble && isShort && (!paused || seeking) && way !== null);
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
  video.addEventListener('error', reopen, {signal});
  video.addEventListener('click', () => (isTouched() && node.dataset.active === undefined ? wake() : toggle()), {signal});
  document.addEventListener('fullscreenchange', () => setFace(enlarge, ...(document.fullscreenElement ? ['Leave full screen', 'reduce'] : ['Full screen', 'enlarge'])), {signal});
  signal.addEventListener('abort', () => clearTimeout(idle));
  begin();
  draw();
  return {
    node,
    /** What is known of the item now. */
    update(next) {
      item = next;
      if (way === null && isPlayable(item)) playFile();
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
      player?.close();
      video.removeAttribute('src');
      video.load();
    },
  };
}

const isTouched = () => matchMedia('(hover: none)').matches;

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
