// One PUT to the object store, with progress. Fetch has none for uploads, so this is an XMLHttpRequest.

import {Unreachable} from './api.js';

/** The object store refused: the URL has expired, or the bytes are not the declared ones (400). */
export class Refused extends Error {
  constructor(status, code = '') {
    super(`The object store answered ${status}.`);
    this.status = status;
    this.isExpired = status === 403 || EXPIRED_CODES.has(code);
    this.title = 'The upload was refused';
    this.detail = status === 400 ? 'The file changed while it was being read. Drop it again.' : this.message;
  }
}

// With status 400: the credentials of the service that signed the URL have ended.
const EXPIRED_CODES = new Set(['ExpiredToken', 'TokenRefreshRequired']);

// The browser sets these itself, from the body and the URL, and lets nobody else.
const SET_BY_BROWSER = new Set(['content-length', 'host']);
const STALL_SECONDS = 60;

/** Resolves when everything is stored. Rejects with Refused, Unreachable, or the signal's reason. */
export function put(url, headers, blob, {onProgress, signal}) {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    let stalled = 0;
    const watch = () => {
      clearTimeout(stalled);
      stalled = setTimeout(abort, STALL_SECONDS * 1000);
    };
    const settle = (finish, value) => {
      clearTimeout(stalled);
      signal.removeEventListener('abort', abort);
      finish(value);
    };
    request.open('PUT', url);
    for (const [name, value] of Object.entries(headers)) {
      if (!SET_BY_BROWSER.has(name.toLowerCase())) request.setRequestHeader(name, value);
    }
    request.upload.addEventListener('progress', ({loaded}) => {
      watch();
      onProgress(Math.min(loaded, blob.size));
    });
    request.addEventListener('load', () => {
      if (request.status >= 200 && request.status < 300) settle(resolve);
      else if (request.status >= 500 || request.status === 429) settle(reject, new Unreachable(request.status));
      else settle(reject, new Refused(request.status, codeIn(request.responseText)));
    });
    request.addEventListener('error', () => settle(reject, new Unreachable('upload')));
    request.addEventListener('abort', () => settle(reject, signal.aborted ? signal.reason : new Unreachable('stalled')));
    signal.addEventListener('abort', abort, {once: true});
    watch();
    request.send(blob);
  });
}

function codeIn(document) {
  return /<Code>(\w{1,64})<\/Code>/.exec(document)?.[1] ?? '';
}
