// The one event stream of this browser: the tab that holds the lock reads it and tells the others.
//
// HTTP/1.1 gives a host six connections, so a stream in each tab would starve the page. Every tab keeps its own cursor:
// it takes an event only if it is the next one, and reads the log's page to fill a gap, so that whichever tab reads the
// stream, none misses an event or takes one twice.

import * as api from './api.js';
import {pauseOrOnline, persist, waitSeconds} from './retry.js';

const SILENCE_SECONDS = 40; // a comment comes every 15 s
const TROUBLE_SECONDS = 4; // shorter gaps are not worth a word

/** Dispatches `event` and `progress` (detail: the data), `reset`, and `trouble` (detail: whether there is any). */
export class Live extends EventTarget {
  #cursor;
  #name;
  #channel;
  #closed = new AbortController();
  #incoming = Promise.resolve();
  #trouble = null;

  constructor(accountId, cursor) {
    super();
    this.#cursor = cursor;
    this.#name = `darkroom-events-${accountId}`;
    this.#channel = new BroadcastChannel(this.#name);
  }

  start() {
    const {signal} = this.#closed;
    this.#channel.addEventListener('message', ({data}) => this.#hear(data), {signal});
    document.addEventListener('visibilitychange', () => document.hidden || this.#enqueue(() => this.#catchUp()), {signal});
    addEventListener('pagehide', (event) => event.persisted || this.close(), {signal});
    this.#enqueue(() => this.#catchUp());
    const reading = navigator.locks
      ? navigator.locks.request(this.#name, {signal}, () => this.#readForEver(signal))
      : this.#readForEver(signal); // no secure context, no locks: then each tab reads for itself
    reading.catch((error) => {
      if (!signal.aborted) throw error;
    });
  }

  close() {
    this.#closed.abort();
    this.#channel.close();
    clearTimeout(this.#trouble);
  }

  /** Goes on from `cursor`, after the items were listed anew. */
  restartFrom(cursor) {
    this.#cursor = cursor;
  }

  async #readForEver(signal) {
    for (let tries = 0; !signal.aborted; tries += 1) {
      try {
        await this.#readOnce(signal, () => {
          tries = 0;
          this.#share({kind: 'trouble', trouble: false});
        });
      } catch (error) {
        if (signal.aborted || (error instanceof api.Problem && error.status === 401)) return;
        if (!(error instanceof api.Problem || error instanceof api.Unreachable)) throw error;
        this.#share({kind: 'trouble', trouble: true});
        await pauseOrOnline(error.retryAfterSeconds ?? waitSeconds(tries), signal).catch(() => {});
      }
    }
  }

  /** One connection, until it ends or falls silent. */
  async #readOnce(signal, onAlive) {
    const quiet = new AbortController();
    let watchdog = setTimeout(() => quiet.abort(), SILENCE_SECONDS * 1000);
    const parse = eventParser((message) => this.#receive(message));
    try {
      const response = await api.stream(this.#cursor, AbortSignal.any([signal, quiet.signal]));
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const {done, value} = await reader.read();
        if (done) throw new api.Unreachable('the stream ended');
        clearTimeout(watchdog);
        watchdog = setTimeout(() => quiet.abort(), SILENCE_SECONDS * 1000);
        onAlive();
        parse(value);
      }
    } catch (error) {
      if (signal.aborted || error instanceof api.Problem || error instanceof api.Unreachable) throw error;
      if (error instanceof DOMException || error instanceof TypeError) throw new api.Unreachable(error);
      throw error;
    } finally {
      clearTimeout(watchdog);
    }
  }

  #receive({type, data}) {
    if (!data) return;
    const document = JSON.parse(data);
    if (type === 'progress') this.#share({kind: 'progress', progress: document});
    else if (type === 'reset') this.#share({kind: 'reset'});
    else this.#share({kind: 'event', event: document});
  }

  #share(message) {
    this.#channel.postMessage(message);
    this.#hear(message);
  }

  #hear(message) {
    if (message.kind === 'event') this.#enqueue(() => this.#take(message.event));
    else if (message.kind === 'progress') this.#tell('progress', message.progress);
    else if (message.kind === 'reset') this.#tell('reset');
    else if (message.kind === 'trouble') this.#hearTrouble(message.trouble);
  }

  #hearTrouble(trouble) {
    if (!trouble) {
      clearTimeout(this.#trouble);
      this.#trouble = null;
      this.#tell('trouble', false);
    } else {
      this.#trouble ??= setTimeout(() => this.#tell('trouble', true), TROUBLE_SECONDS * 1000);
    }
  }

  /** Events are taken one after the other, also while a gap is being filled. */
  #enqueue(step) {
    this.#incoming = this.#incoming.then(step).catch((error) => {
      if (!this.#closed.signal.aborted) reportError(error);
    });
  }

  async #take(event) {
    if (event.number <= this.#cursor) return;
    if (event.number > this.#cursor + 1) await this.#catchUp();
    this.#deliver(event);
  }

  async #catchUp() {
    const {signal} = this.#closed;
    try {
      for (let more = true; more; ) {
        const page = await persist(() => api.events(this.#cursor, signal), {signal});
        page.events.forEach((event) => this.#deliver(event));
        more = page.events.length > 0 && this.#cursor < page.head;
      }
    } catch (error) {
      if (error instanceof api.Problem && error.status === 410) this.#tell('reset');
      else if (!(error instanceof api.Problem) || error.status !== 401) throw error;
    }
  }

  #deliver(event) {
    if (event.number <= this.#cursor) return;
    this.#cursor = event.number;
    this.#tell('event', event);
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, {detail}));
  }
}

/** Takes text as it comes and calls `deliver({type, data})` for every whole event. */
export function eventParser(deliver) {
  let rest = '';
  let type = '';
  let data = [];
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const raw of lines) {
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
      if (line === '') {
        if (data.length) deliver({type, data: data.join('\n')});
        type = '';
        data = [];
      } else if (line.startsWith('event:')) type = line.slice(6).trim();
      else if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
    }
  };
}
