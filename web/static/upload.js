// One file's way in: hash, create the item, send the bytes, complete. Goes on with an item that was begun before.

import * as api from './api.js';
import {partOf, sha256, SINGLE_PUT_BYTES} from './hashing.js';
import {persist} from './retry.js';
import {put, Refused} from './transfer.js';

const PARTS_AT_ONCE = 3;
const MOST_ROUNDS = 4; // of asking what is still missing
const CONTENT_TYPE = /^[a-z]+\/[a-zA-Z0-9.+_-]+$/;
// For what the browser has no type; the service looks at the content itself.
const TYPES = {
  jpg: 'image/jpeg', jpeg: 'image/jpeg', png: 'image/png', webp: 'image/webp', gif: 'image/gif', heic: 'image/heic', heif: 'image/heif',
  avif: 'image/avif', tif: 'image/tiff', tiff: 'image/tiff', dng: 'image/x-adobe-dng', cr2: 'image/x-canon-cr2', nef: 'image/x-nikon-nef',
  arw: 'image/x-sony-arw', mp4: 'video/mp4', m4v: 'video/mp4', mov: 'video/quicktime', mkv: 'video/x-matroska', webm: 'video/webm',
};

/**
 * Uploads `job.file`. `job` is told by `stage(name)`, `sent(bytes)` and `adopt(item)`; `job.uploading()` lists the items
 * that were begun and not finished, without those that another file of this tab is on, which `job.isTaken(id)` tells;
 * `job.beginning(act)` and `job.sending(act)` run `act` when it is this file's turn.
 * Resolves to `{item, duplicate}`.
 */
export async function upload(job) {
  const patiently = (attempt) => persist(attempt, {signal: job.signal, onWait: () => job.stage('paused')});
  return job.file.size <= SINGLE_PUT_BYTES ? sendWhole(job, patiently) : sendParts(job, patiently);
}

async function sendWhole(job, patiently) {
  const {created, begun, digest} = await job.beginning(() => beginWhole(job, patiently));
  if (!created.upload || job.isTaken(created.item.id)) return {item: created.item, duplicate: true};
  const resumed = created.item.id === begun?.id;
  job.adopt(created.item);
  if (begun && !resumed) await patiently(() => api.deleteItem(begun.id)); // its place is taken by the new one
  // Were the bytes sent before, only the last word is missing.
  const completed = resumed ? await completeIfStored(created.item.id, job, patiently) : null;
  return completed ?? job.sending(() => sendOnce(job, patiently, created, digest));
}

async function beginWhole(job, patiently) {
  const hex = await hash(job, job.file);
  const digest = `sha256:${hex}`;
  const begun = job.uploading().find((item) => item.digest === digest);
  return {created: await createOrFind(job, patiently, digest, `page-${hex}`, begun), begun, digest};
}

async function sendOnce(job, patiently, begun, digest) {
  let target = begun.upload;
  await sendBytes(job, patiently, job.file, job.sent, async () => {
    const {upload} = target ? {upload: target} : await create(job, patiently, digest, job.lastKey);
    target = null; // the same key again gives the same item with a new URL
    return upload;
  });
  return complete(begun.item.id, job, patiently);
}

async function hash(job, blob) {
  job.stage('hashing');
  const hex = await sha256(blob);
  job.stage('waiting');
  return hex;
}

/**
 * The same bytes have the same key, on every device: whoever began the item finds it again. The service forgets keys after
 * a while and keeps them for items that were cancelled meanwhile, so what comes back may need a key of its own.
 */
async function createOrFind(job, patiently, digest, key, begun) {
  try {
    const found = await create(job, patiently, digest, key);
    const {state} = found.item;
    const here = found.duplicate || ['queued', 'processing', 'ready'].includes(state);
    if (found.upload || here) return found.upload ? found : {...found, upload: null};
  } catch (error) {
    if (!(error instanceof api.Problem) || !['idempotency-mismatch', 'not-found'].includes(error.type)) throw error;
  }
  return create(job, patiently, digest, begun ? `${key}-after-${begun.id}` : crypto.randomUUID());
}

function create(job, patiently, digest, key) {
  const {file} = job;
  const wish = {name: nameOf(file), size_bytes: file.size, content_type: typeOf(file), ...(digest ? {digest} : {})};
  if (file.lastModified > 0) wish.captured_at = new Date(file.lastModified).toISOString();
  job.lastKey = key;
  return patiently(() => api.createItem(wish, key, job.signal));
}

async function sendParts(job, patiently) {
  const hashes = new Map();
  const hashOf = async (number, partSize) => {
    if (!hashes.has(number)) hashes.set(number, await sha256(partOf(job.file, number, partSize)));
    return hashes.get(number);
  };
  const created = await job.beginning(() => beginInParts(job, patiently, hashOf));
  if (!created.upload || job.isTaken(created.item.id)) return {item: created.item, duplicate: true};
  job.adopt(created.item);
  return job.sending(() => sendMissingAndComplete(job, patiently, created.item, hashOf));
}

async function sendMissingAndComplete(job, patiently, item, hashOf) {
  job.stage('hashing');
  for (let round = 1; ; round += 1) {
    await sendMissing(job, patiently, item.id, hashOf);
    try {
      return await complete(item.id, job, patiently);
    } catch (error) {
      const incomplete = error instanceof api.Problem && ['not-uploaded', 'upload-mismatch'].includes(error.type);
      if (!incomplete || round === MOST_ROUNDS) throw error;
    }
  }
}

async function beginInParts(job, patiently, hashOf) {
  const begun = await begunInParts(job, patiently, hashOf);
  if (begun) return {item: begun, upload: true};
  const key = `page-${await hash(job, job.file.slice(0, SINGLE_PUT_BYTES))}-${job.file.size}`;
  return createOrFind(job, patiently, null, key);
}

/** An item of this name and size whose first stored part is this file's; undefined when there is none. */
async function begunInParts(job, patiently, hashOf) {
  for (const item of job.uploading()) {
    if (item.size_bytes !== job.file.size || item.name !== nameOf(job.file)) continue;
    const stored = await patiently(() => api.storedParts(item.id, job.signal));
    const [first] = stored.parts;
    if (!first || (await hashOf(first.number, stored.part_size_bytes)) === first.sha256) return item;
  }
  return undefined;
}

async function sendMissing(job, patiently, id, hashOf) {
  const stored = await patiently(() => api.storedParts(id, job.signal));
  const there = new Map(stored.parts.map((part) => [part.number, part.sha256]));
  const waiting = Array.from({length: stored.part_count}, (_, index) => index + 1);
  const sent = new Map();
  const report = (number, bytes) => {
    sent.set(number, bytes);
    job.sent([...sent.values()].reduce((sum, part) => sum + part, 0));
  };
  const worker = async () => {
    for (let number = waiting.shift(); number !== undefined; number = waiting.shift()) {
      const blob = partOf(job.file, number, stored.part_size_bytes);
      const hash = await hashOf(number, stored.part_size_bytes);
      if (there.get(number) !== hash) await sendPart(job, patiently, id, number, hash, blob, report);
      report(number, blob.size);
    }
  };
  await Promise.all(Array.from({length: PARTS_AT_ONCE}, worker));
}

async function sendPart(job, patiently, id, number, hash, blob, report) {
  return sendBytes(job, patiently, blob, (bytes) => report(number, bytes), async () => {
    const {parts} = await patiently(() => api.presignParts(id, [{number, sha256: hash}], job.signal));
    return parts[0];
  });
}

/**
 * `presign()` gives the URL of each try: a lost connection looks like an expired URL, whose response has no CORS headers, so
 * the browser may not read it.
 */
async function sendBytes(job, patiently, blob, onProgress, presign) {
  for (let round = 1; ; round += 1) {
    try {
      return await patiently(async () => {
        const target = await presign();
        job.stage('uploading');
        return put(target.url, target.headers, blob, {onProgress, signal: job.signal});
      });
    } catch (error) {
      if (!(error instanceof Refused) || !error.isExpired || round === MOST_ROUNDS) throw error;
    }
  }
}

async function complete(id, job, patiently) {
  job.stage('finishing');
  return patiently(() => api.completeItem(id, job.signal));
}

async function completeIfStored(id, job, patiently) {
  try {
    return await complete(id, job, patiently);
  } catch (error) {
    if (error instanceof api.Problem && ['not-uploaded', 'upload-mismatch'].includes(error.type)) return null;
    throw error;
  }
}

function nameOf(file) {
  const name = file.name.replace(/[\u0000-\u001f\u007f/\\]/g, '_').slice(0, 255);
  return name || 'unnamed';
}

function typeOf(file) {
  const guessed = TYPES[file.name.split('.').at(-1).toLowerCase()];
  return [file.type, guessed].find((type) => type && CONTENT_TYPE.test(type)) ?? 'application/octet-stream';
}
