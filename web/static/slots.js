// So many at a time, the others in the order in which they came.

export class Slots {
  #free;
  #queue = [];

  constructor(count) {
    this.#free = count;
  }

  /** Runs `act` when there is room. Rejects with the signal's reason when it is aborted before. */
  async use(signal, act) {
    await this.#take(signal);
    try {
      return await act();
    } finally {
      this.#free += 1;
      this.#next();
    }
  }

  #take(signal) {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      this.#queue.push({signal, resolve});
      signal.addEventListener('abort', () => reject(signal.reason), {once: true});
      this.#next();
    });
  }

  #next() {
    while (this.#free > 0 && this.#queue.length) {
      const {signal, resolve} = this.#queue.shift();
      if (signal.aborted) continue;
      this.#free -= 1;
      resolve();
    }
  }
}
