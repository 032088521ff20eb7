// Every request to the service, and the two ways in which one fails: a problem that it names, or no answer at all.

const PREFIX = '/v1';
const TYPE_PREFIX = 'urn:darkroom:problem:';
const LONGEST_SECONDS = 30;

/** The service answered with problem+json. */
export class Problem extends Error {
  constructor(status, document, retryAfterSeconds) {
    super(document.detail ?? document.title ?? `The service answered ${status}.`);
    this.status = status;
    this.type = String(document.type ?? '').replace(TYPE_PREFIX, '');
    this.title = document.title ?? 'Something went wrong';
    this.detail = document.detail ?? fieldsInWords(document.errors);
    this.retry = document.retry ?? status >= 500;
    this.retryAfterSeconds = retryAfterSeconds;
    this.document = document;
  }
}

/** No answer: offline, or nobody there. */
export class Unreachable extends Error {
  constructor(cause) {
    super('Darkroom cannot be reached.', {cause});
    this.title = 'Darkroom cannot be reached';
    this.detail = 'Check the connection; it goes on by itself.';
    this.retry = true;
  }
}

/** Dispatches `signed-out` when the session no longer counts. */
export const session = new EventTarget();

const fieldsInWords = (errors) =>
  Array.isArray(errors) && errors.length ? errors.map((error) => `${error.field}: ${error.message}`).join('; ') : undefined;

/** Resolves to `{data, headers}`. Rejects with Problem, Unreachable, or the signal's reason. */
export async function request(method, path, {body, headers = {}, signal, quiet = false} = {}) {
  const response = await answer(method, path, {
    body: body === undefined ? undefined : JSON.stringify(body),
    headers: body === undefined ? headers : {'Content-Type': 'application/json', ...headers},
    signal: AbortSignal.any([AbortSignal.timeout(LONGEST_SECONDS * 1000), ...(signal ? [signal] : [])]),
    outer: signal,
    quiet,
  });
  try {
    return {data: response.status === 204 ? null : await response.json(), headers: response.headers};
  } catch (error) {
    throw signal?.aborted ? error : new Unreachable(error);
  }
}

/** An open event stream as a Response whose body is read piece by piece. */
export const stream = (after, signal) =>
  answer('GET', `/events?after=${after}`, {headers: {Accept: 'text/event-stream'}, signal, outer: signal});

async function answer(method, path, {body, headers, signal, outer, quiet = false}) {
  let response;
  try {
    response = await fetch(PREFIX + path, {method, body, headers, signal, cache: 'no-store', redirect: 'error'});
  } catch (error) {
    if (outer?.aborted) throw error;
    throw new Unreachable(error);
  }
  if (response.ok) return response;
  const problem = new Problem(response.status, await problemDocument(response), retryAfter(response));
  if (problem.status === 401 && !quiet) session.dispatchEvent(new Event('signed-out'));
  throw problem;
}

async function problemDocument(response) {
  const text = await response.text().catch(() => '');
  try {
    return JSON.parse(text);
  } catch {
    return {title: `The service answered ${response.status}`};
  }
}

function retryAfter(response) {
  const seconds = Number(response.headers.get('Retry-After'));
  return Number.isFinite(seconds) && seconds > 0 ? seconds : null;
}

const ifMatch = (version) => (version === undefined ? {} : {'If-Match': `"${version}"`});
const data = (promise) => promise.then((answered) => answered.data);

export const account = () => data(request('GET', '/account', {quiet: true}));
export const register = (email, password, administratorToken) =>
  data(request('POST', '/accounts', {body: {email, password, administrator_token: administratorToken}, quiet: true}));
export const signIn = (email, password, label) =>
  data(request('POST', '/sessions', {body: {email, password, label, cookie: true}, quiet: true}));
export const signOut = () => request('DELETE', '/sessions/current');
export const signOutEverywhere = () => request('DELETE', '/sessions');
export const sessions = () => data(request('GET', '/sessions')).then((page) => page.sessions);
export const endSession = (id) => request('DELETE', `/sessions/${id}`);

/** A page of items, newest first, and the number of the event from which to follow. `deleted`: of what can be restored. */
export async function items({cursor, limit = 100, deleted = false} = {}) {
  const query = new URLSearchParams({limit, ...(cursor ? {cursor} : {}), ...(deleted ? {deleted} : {})});
  const {data: page, headers} = await request('GET', `/items?${query}`);
  return {items: page.items, nextCursor: page.next_cursor, head: Number(headers.get('Darkroom-Events') ?? 0)};
}

export const item = (id) => data(request('GET', `/items/${id}`));
export const editItem = (id, changes, version) =>
  data(request('PATCH', `/items/${id}`, {body: changes, headers: ifMatch(version)}));
export const deleteItem = (id, {permanently = false} = {}) => request('DELETE', `/items/${id}${permanently ? '?permanently=true' : ''}`);
export const restoreItem = (id) => data(request('POST', `/items/${id}/restore`));
export const cancelItem = (id) => data(request('POST', `/items/${id}/cancel`));
export const retryItem = (id) => data(request('POST', `/items/${id}/retry`));
export const receipt = (id) => data(request('GET', `/items/${id}/receipt`));
export const originalUrl = (id) => data(request('GET', `/items/${id}/original`)).then((answered) => answered.url);
export const createItem = (wish, key, signal) =>
  data(request('POST', '/items', {body: wish, headers: {'Idempotency-Key': key}, signal}));
export const storedParts = (id, signal) => data(request('GET', `/items/${id}/parts`, {signal}));
export const presignParts = (id, parts, signal) => data(request('POST', `/items/${id}/parts`, {body: {parts}, signal}));
export const completeItem = (id, signal) => data(request('POST', `/items/${id}/complete`, {signal}));
export const events = (after, signal) => data(request('GET', `/events?after=${after}&limit=500`, {signal}));

const shareHeaders = ({token, proof}) => ({'Darkroom-Share': token, ...(proof ? {'Darkroom-Share-Proof': proof} : {})});
const visit = (link, path) => data(request('GET', path, {headers: shareHeaders(link), quiet: true}));

/** What whoever has a link sees, signed in or not. `link`: `{token, proof}`, the proof being what `unlockShared` gave. */
export const shared = (link) => visit(link, '/shared');
export const sharedItem = (link, id) => visit(link, `/items/${id}`);
export const sharedOriginalUrl = (link, id) => visit(link, `/items/${id}/original`).then((answered) => answered.url);
export const sharedItems = (link, {cursor, limit}) => visit(link, `/shared/items?${new URLSearchParams({limit, ...(cursor ? {cursor} : {})})}`);
export const unlockShared = (link, password) =>
  data(request('POST', '/shared/unlock', {body: {password}, headers: shareHeaders(link), quiet: true}));
