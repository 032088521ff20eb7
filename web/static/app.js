// The start: who is signed in, which page the address names, and the one place where the parts meet.

import * as api from './api.js';
import {dropZone} from './components/drop_zone.js';
import {gallery} from './components/gallery.js';
import {itemView} from './components/item_view.js';
import {masthead} from './components/masthead.js';
import {notices} from './components/notices.js';
import {sessionsPage} from './components/sessions.js';
import {signIn} from './components/sign_in.js';
import {trashPage} from './components/trash.js';
import {uploadSummary} from './components/upload_summary.js';
import {Library} from './library.js';
import {Live} from './live.js';
import {persist} from './retry.js';
import {Uploads} from './uploads.js';

const GATHER_MILLISECONDS = 1000; // so that a drop of many says it once

const root = document.querySelector('#app');
const notice = notices();
let close = () => {};

document.body.append(notice.node);
addEventListener('unhandledrejection', (event) => explain(event.reason));
addEventListener('hashchange', () => location.hash.startsWith('#administrator=') && start());
api.session.addEventListener('signed-out', () => showSignIn());

/** Says to the person what a request did not do. */
function explain(error) {
  if (error instanceof api.Problem && error.status === 401) return;
  if (error.title) notice.say(error.title, error.detail);
  else reportError(error);
}

/** The token of a link for the first administrator, out of the address: neither history nor a bookmark keeps it. */
function takeAdministratorToken() {
  const token = /^#administrator=(.+)$/.exec(location.hash)?.[1];
  if (token) history.replaceState(null, '', location.pathname);
  return token;
}

async function start() {
  const administratorToken = takeAdministratorToken();
  if (administratorToken) return showSignIn({administratorToken});
  try {
    await showLibrary(await persist(() => api.account()));
  } catch (error) {
    if (error instanceof api.Problem && error.status === 401) showSignIn();
    else explain(error);
  }
  return undefined;
}

function showSignIn({administratorToken} = {}) {
  close();
  close = () => {};
  root.replaceChildren(signIn({administratorToken, onSignedIn: (account) => showLibrary(account).catch(explain)}));
}

async function showLibrary(account) {
  close();
  const stopper = new AbortController();
  const {signal} = stopper;
  const library = new Library();
  const uploads = new Uploads(library, account.id);
  const actions = itemActions(library, uploads);
  const parts = {
    gallery: gallery({library, uploads, actions, signal}),
    drop: dropZone({onFiles: (files) => uploads.add(files), signal}),
    summary: uploadSummary({uploads, signal}),
    head: masthead({account, onFiles: (files) => uploads.add(files), onSignOut: actions.signOut}),
  };
  const main = document.createElement('main');
  root.replaceChildren(parts.head.node, main, parts.drop.node, parts.summary.node);
  let view = null;

  function route() {
    const [, page, id] = location.pathname.split('/');
    view?.close?.();
    view = null;
    if (page === 'sessions') main.replaceChildren(sessionsPage({explain}));
    else if (page === 'deleted') main.replaceChildren(trashPage({explain}));
    else {
      if (!main.contains(parts.gallery.node)) main.replaceChildren(parts.gallery.node);
      if (page === 'items' && id) view = itemView({id, library, actions, go, explain});
    }
    parts.head.mark(location.pathname);
  }

  /** `inPlace`: the way back leads where it led before. */
  function go(path, {inPlace = false} = {}) {
    if (path !== location.pathname) history[inPlace ? 'replaceState' : 'pushState'](null, '', path);
    route();
  }

  addEventListener('popstate', route, {signal});
  document.addEventListener('click', (event) => followLink(event, go), {signal});
  const duplicates = [];
  uploads.addEventListener('duplicate', ({detail}) => {
    if (duplicates.push(detail.job.file.name) === 1) setTimeout(() => notice.say('Already here', alreadyHere(duplicates.splice(0))), GATHER_MILLISECONDS);
  });
  close = () => {
    stopper.abort();
    view?.close?.();
    live?.close();
    uploads.close();
  };
  let live = null;
  const head = await library.reload();
  if (signal.aborted) return;
  live = new Live(account.id, head);
  live.addEventListener('event', ({detail}) => library.hear(detail));
  live.addEventListener('progress', ({detail}) => library.hearProgress(detail));
  live.addEventListener('reset', async () => live.restartFrom(await library.reload()));
  live.addEventListener('trouble', ({detail}) => notice.trouble(detail));
  live.start();
  route();
}

const alreadyHere = (names) => (names.length === 1 ? `${names[0]} is in your library.` : `${names.length} of these are in your library.`);

/** Links inside the page change the page without loading it anew. */
function followLink(event, go) {
  const link = event.target.closest?.('a[href^="/"]');
  if (!link || link.hasAttribute('download') || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  go(link.getAttribute('href'));
}

function itemActions(library, uploads) {
  const guarded = (act) => (...words) => act(...words).catch(explain);
  return {
    retry: guarded((id) => library.putAnswer(id, () => api.retryItem(id))),
    cancel: guarded(async (id) => {
      const job = uploads.jobOf(id);
      if (job) await uploads.discard(job);
      else await library.putAnswer(id, () => api.cancelItem(id));
    }),
    remove: guarded(async (id) => {
      const job = uploads.jobOf(id);
      if (job) return uploads.discard(job);
      await api.deleteItem(id);
      return library.remove(id);
    }),
    download: guarded(async (id) => location.assign(await api.originalUrl(id))),
    again: (job) => uploads.retry(job),
    discard: guarded((job) => uploads.discard(job)),
    signOut: guarded(async () => {
      await api.signOut();
      history.replaceState(null, '', '/');
      showSignIn();
    }),
  };
}

start();
