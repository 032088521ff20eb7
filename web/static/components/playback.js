// How a video gets to its picture: fed segment by segment, by the browser's own HLS, or from its one file.

import {persist} from '../retry.js';
import {canFeed, Player} from './player.js';

const HLS = 'application/vnd.apple.mpegurl';
const MOST_REOPENINGS = 3;
const NOT_YET = 'This browser can play it when all of it is made.';
const NEVER = 'This browser cannot play it. The original can be downloaded.';

export const fileOf = (item, name) => item.renditions.find((each) => each.name === name)?.url ?? null;

/** Whether there is anything to play. */
export const isPlayable = (item) => item.kind === 'video' && Boolean(item.playlist_url || fileOf(item, 'video'));

/** Dispatches `change`. `readItem` resolves to the item with fresh addresses. */
export class Playback extends EventTarget {
  #video;
  #item;
  #readItem;
  #player = null;
  #way = null; // `segments`, `native`, `file`, or none
  #reopenings = 0;
  #closed = new AbortController();

  trouble = ''; // why nothing plays

  constructor(video, item, readItem) {
    super();
    const {signal} = this.#closed;
    this.#video = video;
    this.#item = item;
    this.#readItem = () => persist(readItem, {signal});
    video.addEventListener('error', () => this.#reopen(), {signal});
    if (item.playlist_url && canFeed()) this.#feed();
    else if (item.playlist_url && video.canPlayType(HLS)) this.#open('native', item.playlist_url);
    else this.#openFile();
  }

  /** What is known of the item now. */
  update(item) {
    this.#item = item;
    if (this.#way === null && !this.#closed.signal.aborted) this.#openFile();
  }

  close() {
    this.#closed.abort();
    this.#player?.close();
    this.#video.removeAttribute('src');
    this.#video.load();
  }

  /** Whether something plays, or will by itself. */
  get isUnderWay() {
    return this.#way !== null && !this.trouble;
  }

  get isComplete() {
    return this.#player ? this.#player.complete : this.#way === 'file' || this.#item.state === 'ready';
  }

  get madeSeconds() {
    if (this.#player) return this.#player.madeSeconds;
    const {seekable} = this.#video;
    return this.#way === 'native' && seekable.length ? seekable.end(0) : 0;
  }

  /** Of the picture that is being fetched, where that is known: `720p`. */
  get rung() {
    const rung = this.#player?.rung;
    return rung ? `${Math.min(rung.width, rung.height)}p` : '';
  }

  #feed() {
    this.#way = 'segments';
    this.#player = new Player(this.#video, this.#item, this.#readItem);
    this.#player.addEventListener('made', () => this.#changed());
    this.#player.addEventListener('unplayable', () => {
      const at = this.#video.currentTime;
      this.#player.close();
      this.#player = null;
      this.#openFile(at);
    });
  }

  #openFile(at) {
    const address = fileOf(this.#item, 'video');
    this.trouble = address ? '' : this.#item.state === 'ready' ? NEVER : NOT_YET;
    if (address) this.#open('file', address, at);
    else this.#way = null;
    this.#changed();
  }

  #open(way, address, at = this.#video.currentTime) {
    this.#way = way;
    this.#video.src = address;
    if (at) this.#video.currentTime = at;
  }

  /** The address has run out, or the browser cannot do it that way. */
  async #reopen() {
    if (this.#way === null || this.#way === 'segments') return;
    if (this.#reopenings++ >= MOST_REOPENINGS) {
      this.trouble = NEVER;
      this.#changed();
      return;
    }
    try {
      this.#item = await this.#readItem();
    } catch (error) {
      if (this.#closed.signal.aborted) return;
      throw error;
    }
    if (this.#way === 'native' && !fileOf(this.#item, 'video') && this.#item.playlist_url) this.#open('native', this.#item.playlist_url);
    else this.#openFile();
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}
