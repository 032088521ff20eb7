// The items that this tab knows: pages of the list, kept true by events, with URLs fetched for what became ready.

import * as api from './api.js';
import {isPassing, persist, pause} from './retry.js';

const PAGE_ITEMS = 100;
const GATHER_SECONDS = 0.05;
const MOST_SINGLE_READS = 6;
const READS_AT_ONCE = 4;

/** Newer items have greater ids (ULIDs). */
export const newestFirst = (left, right) => (left.id < right.id ? 1 : left.id > right.id ? -1 : 0);

const hasUrls = (item) => item.renditions.every((rendition) => rendition.url) && (!item.playable || Boolean(item.playlist_url));

/** Dispatches `put` (detail: item), `remove` (detail: id), `clear`, `loaded`, `progress` (detail: {id, percent, ready_at}). */
export class Library extends EventTarget {
  #items = new Map();
  #heard = new Map(); // the number of the last event about an item
  #held = null; // creations that were heard while this tab waits to be told of one
  #progress = new Map();
  #wanted = new Set();
  #reading = false;
  #nextCursor = null;
  #loading = null;
  #oldest = '';

  complete = false;

  get(id) {
    return this.#items.get(id);
  }

  all() {
    return [...this.#items.values()].filter((item) => this.shows(item)).sort(newestFirst);
  }

  /** Whether the item lies in the part of the list that has been loaded. */
  shows(item) {
    return this.complete || item.id >= this.#oldest;
  }

  uploading() {
    return this.all().filter((item) => item.state === 'uploading');
  }

  /** The first page anew. Resolves to the number of the event from which to follow. */
  async reload() {
    const page = await persist(() => api.items({limit: PAGE_ITEMS}));
    this.#items.clear();
    this.#tell('clear');
    this.#oldest = '';
    this.#take(page);
    return page.head;
  }

  /** The next page; the same promise while one is on its way. */
  loadMore() {
    if (this.complete) return Promise.resolve();
    this.#loading ??= persist(() => api.items({limit: PAGE_ITEMS, cursor: this.#nextCursor}))
      .then((page) => this.#take(page))
      .finally(() => {
        this.#loading = null;
      });
    return this.#loading;
  }

  #take(page) {
    this.#nextCursor = page.nextCursor;
    this.complete = page.nextCursor === null;
    this.#oldest = page.items.at(-1)?.id ?? this.#oldest;
    for (const item of page.items) this.put(item);
    this.#tell('loaded');
  }

  put(item) {
    if (item.state !== 'processing') this.#progress.delete(item.id);
    this.#items.set(item.id, item);
    this.#tell('put', item);
  }

  /** Puts what `ask` resolves to; if an event told of the item meanwhile, the answer may be the older news. */
  async putAnswer(id, ask) {
    const heard = this.#heard.get(id);
    const item = await ask();
    if (this.#heard.get(id) === heard) this.put(item);
    else this.refresh(id);
  }

  remove(id) {
    if (this.#items.delete(id)) this.#tell('remove', id);
  }

  /**
   * Runs `act`, which may create an item, one at a time. The event of that may come before the answer: until then nobody
   * can say whether it is of the file that waits here or of another device's.
   */
  async creating(act) {
    const held = (this.#held = []);
    try {
      return await act();
    } finally {
      this.#held = null;
      for (const event of held) {
        if (this.#heard.get(event.subject) === event.number) this.hear(event); // else there is later news
      }
    }
  }

  /** What an event says of an item: all but the URLs, which stay while the files stay. */
  hear(event) {
    if (!event.type.startsWith('item.')) return;
    this.#heard.set(event.subject, event.number);
    if (this.#held && event.type === 'item.created') {
      this.#held.push(event);
      return;
    }
    if (event.type === 'item.deleted') {
      this.remove(event.subject);
      return;
    }
    const known = this.#items.get(event.subject);
    if (known && event.type === 'item.created') return; // whoever sent it knows more than that
    const urls = new Map(known?.renditions.map((rendition) => [rendition.file, rendition.url]));
    const renditions = event.data.renditions.map((rendition) => ({...rendition, url: urls.get(rendition.file) ?? null}));
    const kept = event.data.playable ? known?.playlist_url ?? null : null;
    const item = {...event.data, renditions, playlist_url: kept, urls_expire_at: known?.urls_expire_at ?? null};
    this.put(item);
    if (!hasUrls(item)) this.refresh(item.id);
  }

  /** What was last heard of a video in the making: `{id, percent, ready_at}`. No event says that a queued one is begun. */
  progressOf(id) {
    return ['queued', 'processing'].includes(this.#items.get(id)?.state) ? this.#progress.get(id) : undefined;
  }

  hearProgress(progress) {
    this.#progress.set(progress.id, progress);
    this.#tell('progress', progress);
  }

  /** Reads the item again, soon and together with others that are wanted. */
  refresh(id) {
    this.#wanted.add(id);
    if (!this.#reading) this.#readWanted();
  }

  async #readWanted() {
    this.#reading = true;
    try {
      while (this.#wanted.size) {
        await pause(GATHER_SECONDS);
        if (this.#wanted.size > MOST_SINGLE_READS) await this.#readPage();
        const batch = [...this.#wanted].slice(0, READS_AT_ONCE);
        await Promise.all(batch.map((id) => this.#readOne(id)));
      }
    } finally {
      this.#reading = false;
    }
  }

  /** One list answers for all that is new, which is what a drop of many files makes ready at once. */
  async #readPage() {
    const asked = new Set(this.#wanted);
    const page = await persist(() => api.items({limit: PAGE_ITEMS}));
    for (const item of page.items) {
      const isNews = (this.#heard.get(item.id) ?? 0) <= page.head;
      if (isNews && asked.has(item.id) && this.#wanted.delete(item.id)) this.put(item);
    }
  }

  async #readOne(id) {
    this.#wanted.delete(id);
    try {
      await this.putAnswer(id, () => persist(() => api.item(id)));
    } catch (error) {
      if (error instanceof api.Problem && error.status === 404) this.remove(id);
      else if (error instanceof api.Problem && !isPassing(error)) return; // it stays as the event showed it
      else throw error;
    }
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, {detail}));
  }
}
