// Feeds a video through Media Source Extensions: playlist -> segments -> buffer, also while the rest is still being made.

import {Unreachable} from '../api.js';
import {mainPlaylist, mediaPlaylist} from '../playlist.js';
import {isPassing, pause, pauseOrOnline, waitSeconds} from '../retry.js';

const REACH_SECONDS = 30; // kept behind, fetched ahead
const REACH_UNPLAYED_SECONDS = 4; // whoever only leafs through loads little
const LEAST_REACH_SECONDS = 4;
const SLACK_SECONDS = 5; // so that not every segment costs a removal
const RELOAD_SECONDS = 2;
const LONGEST_FETCH_SECONDS = 30;
const GAP_SECONDS = 0.5; // between what two encoders call the same moment
const CAUTION = 0.7; // the share of the measured throughput that another rung may take
const STAY = 0.9; // and the present one

const Source = globalThis.MediaSource ?? globalThis.ManagedMediaSource; // iPhones have the latter alone

export const canFeed = () => Source !== undefined;

class Refused extends Error {}

/**
 * Dispatches `made` when the playlist was read, and `unplayable` (detail: the error) when this is no way to play it.
 * `readItem` resolves to the item with fresh addresses.
 */
export class Player extends EventTarget {
  #video;
  #item;
  #readItem;
  #closed = new AbortController();
  #outdated = new AbortController(); // of the fetch under way: somebody seeks elsewhere
  #wake = () => {};
  #source = null;
  #buffer = null;
  #rungs = [];
  #lists = new Map(); // rung -> its playlist, and when it was read
  #begun = ''; // the init segment that the buffer has
  #appended = new Set(); // whatever the buffer says, nothing is given to it twice in a row
  #reach = REACH_SECONDS;
  #bitsPerSecond = 0;

  #duration = 0;

  rung = null; // what is being fetched
  madeSeconds = 0; // so far it can be played
  complete = false;

  constructor(video, item, readItem) {
    super();
    this.#video = video;
    this.#item = item;
    this.#readItem = readItem;
    const {signal} = this.#closed;
    for (const type of ['timeupdate', 'play', 'seeking']) video.addEventListener(type, () => this.#wake(), {signal});
    video.addEventListener('seeking', () => this.#turnTo(), {signal});
    this.#run().catch((error) => signal.aborted || this.#tell('unplayable', error));
  }

  close() {
    this.#closed.abort();
    this.#wake();
    this.#video.removeAttribute('src');
    this.#video.load();
  }

  async #run() {
    const {signal} = this.#closed;
    for (let tries = 0; !signal.aborted; ) {
      try {
        await this.#step();
        tries = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (error.name === 'AbortError') continue; // outdated
        if (!isPassing(error) && !(error instanceof Refused)) throw error;
        await pauseOrOnline(waitSeconds(tries++), signal);
      }
    }
  }

  /** The next thing that there is to do; if there is none, waits a moment. */
  async #step() {
    if (this.#video.error) throw new Error(this.#video.error.message);
    if (!this.#rungs.length) await this.#readMain();
    if (!this.#rungs.length) return pause(RELOAD_SECONDS, this.#closed.signal);
    if (!this.#source) await this.#open();
    this.rung = this.#chooseRung();
    const list = await this.#read(this.rung);
    await this.#evict();
    this.#leapGap();
    const segment = this.#wanted(list);
    if (segment) return this.#append(list, segment);
    const last = list.segments.at(-1);
    if (this.complete && last && this.#holds(last) && this.#source.readyState === 'open') this.#source.endOfStream();
    return this.#news();
  }

  /** The rungs; none while a lost attempt is being made again. */
  async #readMain() {
    const item = this.#item ?? (await this.#readItem());
    this.#item = null; // its addresses are good for one try
    if (!item.playlist_url && !['queued', 'processing'].includes(item.state)) throw new Error('there is no playlist');
    if (!item.playlist_url) return;
    this.#duration ||= item.duration_seconds ?? 0;
    const url = new URL(item.playlist_url, location.href);
    const rungs = mainPlaylist(await this.#fetch(url, 'text'), url);
    this.#rungs = rungs.filter(({codecs}) => codecs && Source.isTypeSupported(typeOf(codecs)));
    if (!this.#rungs.length) throw new Error(`no codec that this browser knows: ${rungs.map(({codecs}) => codecs)}`);
  }

  async #open() {
    const source = new Source();
    source.addEventListener('startstreaming', () => this.#wake());
    this.#video.disableRemotePlayback = true; // or a ManagedMediaSource never opens
    this.#video.src = URL.createObjectURL(source);
    await new Promise((resolve) => source.addEventListener('sourceopen', resolve, {once: true}));
    URL.revokeObjectURL(this.#video.src);
    source.duration = this.#duration;
    this.#buffer = source.addSourceBuffer(typeOf(this.#rungs[0].codecs));
    this.#buffer.mode = 'segments';
    this.#source = source;
  }

  /** The best that the throughput carries, and no better than what can be seen. */
  #chooseRung() {
    const [width, height] = [this.#video.clientWidth, this.#video.clientHeight].map((size) => size * devicePixelRatio);
    const enough = this.#rungs.find((rung) => rung.width >= width || rung.height >= height)?.bandwidth ?? Infinity;
    const share = (rung) => (rung === this.rung ? STAY : CAUTION);
    return this.#rungs.findLast((rung) => rung.bandwidth <= enough && rung.bandwidth < this.#bitsPerSecond * share(rung)) ?? this.#rungs[0];
  }

  async #read(rung) {
    const known = this.#lists.get(rung);
    if (known && (known.list.ended || performance.now() - known.at < RELOAD_SECONDS * 1000)) return known.list;
    const text = await this.#fetch(rung.url, 'text', () => {
      this.#rungs = []; // another attempt counts, or the grant is over
      this.#lists.clear();
    });
    const list = mediaPlaylist(text, rung.url);
    this.#lists.set(rung, {list, at: performance.now()});
    this.madeSeconds = list.end;
    this.complete = list.ended || (list.end > 0 && list.end > this.#duration - GAP_SECONDS / 5); // then only the one file is missing
    this.#tell('made');
    return list;
  }

  #wanted({segments, end}) {
    const {currentTime, paused, played} = this.#video;
    if (this.#source.streaming === false) return undefined; // a ManagedMediaSource has enough
    const from = Math.min(currentTime, this.complete ? end - GAP_SECONDS / 10 : Infinity);
    const until = from + (paused && !played.length ? REACH_UNPLAYED_SECONDS : this.#reach);
    return segments.find((segment) => segment.end > from && segment.start < until && !this.#holds(segment));
  }

  #holds({number, start, end}) {
    return this.#appended.has(number) || ranges(this.#buffer).some(([from, to]) => from <= (start + end) / 2 && (start + end) / 2 < to);
  }

  async #append(list, segment) {
    const renew = () => this.#lists.clear(); // a fresh playlist has fresh signatures
    const init = new URL(list.init).pathname;
    if (init !== this.#begun) {
      const bytes = await this.#fetch(list.init, 'arrayBuffer', renew);
      this.#buffer.changeType(typeOf(this.rung.codecs));
      await this.#give(bytes);
      this.#begun = init;
    }
    const began = performance.now();
    const bytes = await this.#fetch(segment.url, 'arrayBuffer', renew);
    const measured = (bytes.byteLength * 8000) / (performance.now() - began);
    this.#bitsPerSecond = Math.min(measured, (this.#bitsPerSecond || measured) / 2 + measured / 2); // down at once, up by and by
    if (await this.#give(bytes)) this.#appended.add(segment.number);
  }

  /** False if there was no room. */
  async #give(bytes) {
    try {
      this.#buffer.appendBuffer(bytes);
    } catch (error) {
      if (error.name !== 'QuotaExceededError') throw error;
      this.#reach = Math.max(LEAST_REACH_SECONDS, this.#reach / 2);
      await this.#evict();
      await this.#news();
      return false;
    }
    await settled(this.#buffer);
    return true;
  }

  async #evict() {
    const held = ranges(this.#buffer);
    if (!held.length) return;
    const [first, last] = [this.#video.currentTime - this.#reach, this.#video.currentTime + 2 * this.#reach];
    if (held[0][0] < first - SLACK_SECONDS) await this.#remove(0, first);
    if (held.at(-1)[1] > last + SLACK_SECONDS) await this.#remove(last, Infinity);
  }

  async #remove(from, to) {
    this.#buffer.remove(from, to);
    await settled(this.#buffer);
    this.#appended.clear();
  }

  /** A browser waits for ever before a hole of a few frames. */
  #leapGap() {
    const {currentTime, readyState} = this.#video;
    const held = ranges(this.#buffer);
    if (readyState > HTMLMediaElement.HAVE_CURRENT_DATA || held.some(([from, to]) => from <= currentTime && currentTime < to)) return;
    const next = held.find(([from]) => from > currentTime && from < currentTime + GAP_SECONDS);
    if (next) this.#video.currentTime = next[0];
  }

  #turnTo() {
    this.#appended.clear();
    this.#outdated.abort();
    this.#outdated = new AbortController();
  }

  async #fetch(url, form, onRefused = () => {}) {
    const signal = AbortSignal.any([this.#closed.signal, this.#outdated.signal, AbortSignal.timeout(LONGEST_FETCH_SECONDS * 1000)]);
    let response;
    try {
      response = await fetch(url, {signal});
      if (response.ok) return await response[form]();
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      if (error.name === 'TimeoutError') this.#bitsPerSecond /= 4;
      throw new Unreachable(error);
    }
    if (response.status < 500 && response.status !== 429) onRefused();
    throw new Refused(`The answer was ${response.status}.`);
  }

  async #news() {
    let timer;
    await new Promise((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, RELOAD_SECONDS * 1000);
    });
    clearTimeout(timer);
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, {detail}));
  }
}

const typeOf = (codecs) => `video/mp4; codecs="${codecs}"`;

const ranges = ({buffered}) => Array.from({length: buffered.length}, (_, number) => [buffered.start(number), buffered.end(number)]);

function settled(buffer) {
  const heard = new AbortController();
  return new Promise((resolve, reject) => {
    buffer.addEventListener('updateend', resolve, {signal: heard.signal});
    buffer.addEventListener('error', () => reject(new Error('the browser cannot decode it')), {signal: heard.signal});
  }).finally(() => heard.abort());
}
