// The queue of files that this tab sends. Many are begun ahead, one after the other, so that after a closed tab the
// gallery still says which ones to drop again; three are sent at a time.

import * as api from './api.js';
import {LARGEST_ITEM_BYTES} from './hashing.js';
import {Slots} from './slots.js';
import {upload} from './upload.js';

const FILES_BEGUN = 100;
const FILES_BEGINNING_AT_ONCE = 1; // so that items stand in the order in which files were dropped
const FILES_SENT_AT_ONCE = 3;
const SHARE_MILLISECONDS = 500;

/** One file on its way. `state`: waiting, hashing, uploading, paused, finishing, stopped (with `problem`), done. */
export class Job {
  constructor(number, file) {
    this.key = `job-${number}`;
    this.number = number;
    this.file = file;
    this.state = 'waiting';
    this.sentBytes = 0;
    this.itemId = null;
    this.problem = null;
    this.stopper = new AbortController();
  }

  get share() {
    return this.file.size ? this.sentBytes / this.file.size : 0;
  }
}

/**
 * Dispatches `job` (detail: the job) whenever one changes, `gone` (detail: the job) when its tile has nothing more to say,
 * `duplicate` (detail: {job, item}) for bytes that are here already, and `elsewhere` (detail: a list of {id, share}) for
 * what another tab of this browser is sending, at least every second.
 */
export class Uploads extends EventTarget {
  #library;
  #waiting = [];
  #active = new Map();
  #stopped = new Map();
  #numbers = 0;
  #beginning = new Slots(FILES_BEGINNING_AT_ONCE);
  #sending = new Slots(FILES_SENT_AT_ONCE);
  #channel;
  #sharedAt = 0;
  #sharing;

  constructor(library, accountId) {
    super();
    this.#library = library;
    this.#channel = new BroadcastChannel(`darkroom-uploads-${accountId}`);
    this.#channel.addEventListener('message', ({data}) => this.#tell('elsewhere', data));
    this.#sharing = setInterval(() => this.#share(), SHARE_MILLISECONDS); // also when nothing moves
  }

  /** Stops everything that is on its way; the account has been left. */
  close() {
    clearInterval(this.#sharing);
    this.#waiting = [];
    for (const job of this.#active.values()) job.stopper.abort();
    this.#channel.close();
  }

  /** Takes the files in this order. */
  add(files) {
    for (const file of files) {
      const job = new Job(++this.#numbers, file);
      this.#change(job, {state: 'waiting'});
      const refusal = refusalOf(file);
      if (refusal) this.#stop(job, refusal);
      else this.#waiting.push(job);
    }
    this.#startNext();
  }

  retry(job) {
    this.#stopped.delete(job.key);
    job.stopper = new AbortController();
    this.#change(job, {state: 'waiting', problem: null, sentBytes: 0});
    this.#waiting.push(job);
    this.#startNext();
  }

  /** Forgets the file; an item that was created for it is deleted, or rather cancelled when that is still of use. */
  async discard(job) {
    job.stopper.abort();
    this.#waiting = this.#waiting.filter((other) => other !== job);
    this.#stopped.delete(job.key);
    this.#active.delete(job.key);
    this.#change(job, {state: 'done'});
    this.#tell('gone', job);
    this.#startNext();
    if (!job.itemId) return;
    await api.deleteItem(job.itemId);
    this.#library.remove(job.itemId);
  }

  /** The job that sends this item, if this tab does. */
  jobOf(itemId) {
    return [...this.#active.values(), ...this.#stopped.values()].find((job) => job.itemId === itemId);
  }

  #startNext() {
    while (this.#active.size < FILES_BEGUN && this.#waiting.length) {
      const job = this.#waiting.shift();
      this.#active.set(job.key, job);
      this.#run(job);
    }
  }

  async #run(job) {
    const {signal} = job.stopper;
    try {
      const {item, duplicate} = await upload(this.#steering(job, signal));
      if (signal.aborted) return;
      if (duplicate) await this.#endDuplicate(job, item);
      else if (this.#library.get(item.id)?.state === 'uploading') this.#library.put(item); // else an event was faster
      this.#change(job, {state: 'done', sentBytes: job.file.size});
      this.#tell('gone', job);
    } catch (error) {
      if (signal.aborted) return;
      this.#stop(job, error);
    } finally {
      if (this.#active.get(job.key) === job && job.stopper.signal === signal) this.#active.delete(job.key);
      this.#startNext();
    }
  }

  /** What `upload` may see and say of a job. */
  #steering(job, signal) {
    const isTaken = (id) => [...this.#active.values()].some((other) => other !== job && other.itemId === id);
    return {
      file: job.file,
      signal,
      lastKey: null,
      beginning: (act) => this.#beginning.use(signal, () => this.#library.creating(act)),
      sending: (act) => this.#sending.use(signal, act),
      isTaken,
      uploading: () => this.#library.uploading().filter((item) => !isTaken(item.id)),
      stage: (state) => signal.aborted || this.#change(job, {state}),
      sent: (sentBytes) => signal.aborted || this.#change(job, {sentBytes}),
      adopt: (item) => {
        this.#change(job, {itemId: item.id});
        this.#library.put(item);
      },
    };
  }

  /** The item made for a file that turned out to be here already leaves no trace. */
  async #endDuplicate(job, item) {
    const own = job.itemId;
    if (own && own !== item.id) {
      await api.deleteItem(own);
      this.#library.remove(own);
    }
    this.#change(job, {itemId: null});
    if (!this.#library.get(item.id)) this.#library.put(item);
    this.#tell('duplicate', {job, item});
  }

  #stop(job, error) {
    if (!(error.title || error.name === 'NotReadableError' || error.name === 'NotFoundError')) reportError(error);
    const problem = {
      title: error.title ?? 'This file cannot be read',
      detail: error.detail ?? 'It may have been moved, changed or removed since it was chosen.',
      isFinal: error.isFinal ?? false,
    };
    this.#stopped.set(job.key, job);
    this.#change(job, {state: 'stopped', problem});
  }

  #change(job, changes) {
    Object.assign(job, changes);
    this.#tell('job', job);
    this.#share();
  }

  /** Tells other tabs what this one is sending. */
  #share() {
    const now = performance.now();
    if (now - this.#sharedAt < SHARE_MILLISECONDS) return;
    this.#sharedAt = now;
    const sharing = [...this.#active.values()].filter((job) => job.itemId);
    if (sharing.length) this.#channel.postMessage(sharing.map((job) => ({id: job.itemId, share: job.share})));
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, {detail}));
  }
}

/** What can be said before a byte is read. */
function refusalOf(file) {
  if (!globalThis.crypto?.subtle) {
    return {isFinal: true, title: 'Uploads need a secure page', detail: 'Open Darkroom over https, or on this machine as localhost.'};
  }
  if (file.size === 0) return {isFinal: true, title: 'This file is empty', detail: 'There is nothing in it to develop.'};
  if (file.size > LARGEST_ITEM_BYTES) return {isFinal: true, title: 'This file is too large', detail: 'One item may have 20 GiB at most.'};
  return null;
}
