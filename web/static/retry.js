// Waiting and trying again: what is worth it, for how long, and not while the browser is offline.

import {Problem, Unreachable} from './api.js';

const FIRST_WAIT_SECONDS = 0.5;
const LONGEST_WAIT_SECONDS = 30;

/** Resolves after the seconds; rejects at once with the signal's reason when it is aborted. */
export function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const abort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, seconds * 1000);
    signal?.addEventListener('abort', abort, {once: true});
  });
}

/** How long to wait before try number `tries + 1`: doubling, half of it by chance, so that clients don't come together. */
export function waitSeconds(tries) {
  const full = Math.min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** tries);
  return full / 2 + (Math.random() * full) / 2;
}

/** Waits for the time to be over or for the connection to come back, whichever is first. */
export async function pauseOrOnline(seconds, signal) {
  const back = new AbortController();
  const done = () => back.abort();
  addEventListener('online', done, {once: true});
  try {
    await pause(seconds, AbortSignal.any([back.signal, ...(signal ? [signal] : [])]));
  } catch (error) {
    if (signal?.aborted) throw error;
  } finally {
    removeEventListener('online', done);
  }
}

export function isPassing(error) {
  return error instanceof Unreachable || (error instanceof Problem && [429, 502, 503, 504].includes(error.status));
}

/** Runs `attempt` until it succeeds or fails for good; lost connections and busy servers are waited for without end. */
export async function persist(attempt, {signal, onWait = () => {}} = {}) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (signal?.aborted || !isPassing(error)) throw error;
      onWait(error);
      await pauseOrOnline(error.retryAfterSeconds ?? waitSeconds(tries), signal);
    }
  }
}
