// The page of a share link: its token stands in the address after `#`, which no server ever sees; nobody signs in here.

import * as api from './api.js';
import {lockedPage, messagePage} from './components/shared_door.js';
import {notices} from './components/notices.js';
import {sharedAlbum} from './components/shared_album.js';
import {persist} from './retry.js';

const root = document.querySelector('#app');
const notice = notices();
let close = () => {};

document.body.append(notice.node);
addEventListener('unhandledrejection', (event) => explain(event.reason));

/** Says to the person what a request did not do. */
function explain(error) {
  if (error.title) notice.say(error.title, error.detail);
  else reportError(error);
}

/** What the address says: `#token`, or `#token/item`. */
function address() {
  const [token, item] = location.hash.slice(1).split('/');
  return {token, item};
}

const proofs = {
  of: (token) => sessionStorage.getItem(`proof ${token}`),
  keep: (token, proof) => sessionStorage.setItem(`proof ${token}`, proof),
  forget: (token) => sessionStorage.removeItem(`proof ${token}`),
};

async function start() {
  close();
  close = () => {};
  const {token} = address();
  if (!token) {
    show(messagePage('This address is not complete', 'The part after # is missing. Open the link once more, just as it was sent to you.'));
    return;
  }
  const link = {token, proof: proofs.of(token)};
  try {
    await showAlbum(link, await persist(() => api.shared(link)));
  } catch (error) {
    turnAway(link, error);
  }
}

/** For whom the link opens nothing, or nothing yet. */
function turnAway(link, error) {
  if (error.type === 'share-locked') {
    proofs.forget(link.token);
    askPassword(link);
  } else if (error.status === 404) {
    close();
    show(messagePage('This link no longer works', 'It was taken back, or its time is over. Whoever sent it to you can give you a new one.'));
  } else explain(error);
}

function askPassword(link) {
  close();
  async function onPassword(password) {
    const {proof} = await api.unlockShared(link, password);
    proofs.keep(link.token, proof);
    await start();
  }
  show(lockedPage({onPassword, onGone: (error) => turnAway(link, error)}));
}

async function showAlbum(link, album) {
  const page = sharedAlbum({link, album, open, refused: (error) => turnAway(link, error), explain});
  document.title = `${album.title} · Darkroom`;
  show(page.node);
  const route = () => page.show(address().item);
  addEventListener('popstate', route);
  close = () => {
    removeEventListener('popstate', route);
    page.close();
    close = () => {};
  };
  await page.loadMore();
  route();

  /** `id`: the item to be seen large; none: the album. `inPlace`: the way back leads where it led before. */
  function open(id, {inPlace = false} = {}) {
    const hash = id ? `#${link.token}/${id}` : `#${link.token}`;
    if (hash !== location.hash) history[inPlace ? 'replaceState' : 'pushState'](null, '', hash);
    route();
  }
}

const show = (node) => root.replaceChildren(node);

addEventListener('hashchange', ({oldURL}) => {
  if (new URL(oldURL).hash.slice(1).split('/')[0] !== address().token) start(); // another link was pasted into the bar
});
start();
