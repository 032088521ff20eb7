// A shared album: its title and all that lies in it, in rows of equal height. Each leads to the large view.

import * as api from '../api.js';
import {element, setAttribute} from '../dom.js';
import {hangingPrint, icon, mark} from '../icons.js';
import {pauseOrOnline, persist, waitSeconds} from '../retry.js';
import {placeholderCanvas} from '../thumbhash.js';
import {dateAndTime, lengthInWords} from '../words.js';
import {button} from './controls.js';
import {picture, pictureFiles} from './picture.js';
import {sharedView} from './shared_view.js';

const AHEAD = '1200px';
const PAGE_ITEMS = 60;
const SIZES = '(min-width: 60rem) 30vw, 60vw';
const [NARROWEST, WIDEST] = [0.6, 2.4]; // of a tile, width to height; a panorama is cut, and whole in the large view

/** `open(id)` changes the address; `refused` is called when the link opens nothing any more. */
export function sharedAlbum({link, album, open, refused, explain}) {
  const {signal, ...stopper} = stopping();
  const entries = []; // {item, original} in the album's order
  const tiles = new Map();
  const grid = element('ul', {class: 'shared-grid'});
  const empty = element('section', {class: 'shared-empty', hidden: true}, hangingPrint(), element('p', {}, 'There is nothing in this album yet.'));
  const more = element('div', {class: 'shared-more'}, button('Show more', {onclick: () => loadMore()}));
  const node = element('div', {class: 'shared'}, head(album), element('main', {}, grid, empty, more));
  let cursor = null;
  let complete = false;
  let loading = null;
  let view = null;
  let wanted; // the item that is to be seen large

  /** The next page; the same promise while one is on its way. */
  function loadMore() {
    if (complete) return Promise.resolve();
    loading ??= persist(() => api.sharedItems(link, {cursor, limit: PAGE_ITEMS}), {signal})
      .then(take)
      .catch((error) => signal.aborted || (error.status === 404 ? refused(error) : trouble(error)))
      .finally(() => {
        loading = null;
      });
    return loading;
  }

  function take(page) {
    cursor = page.next_cursor;
    complete = cursor === null;
    for (const entry of page.items.filter(({item}) => pictureFiles(item).length && !tiles.has(item.id))) {
      entries.push(entry);
      tiles.set(entry.item.id, sharedTile(entry.item, {refresh, open}));
      grid.append(tiles.get(entry.item.id).node);
    }
    more.hidden = complete;
    empty.hidden = !complete || entries.length > 0;
    watcher.unobserve(more); // it says only once that it is in sight
    watcher.observe(more);
  }

  /** The same item with fresh addresses; without it when it lies in the album no more. */
  async function read(id) {
    const entry = entries.find(({item}) => item.id === id);
    try {
      const item = await persist(() => api.sharedItem(link, id), {signal});
      if (entry) entry.item = item;
      tiles.get(id)?.update(item);
      return item;
    } catch (error) {
      if (error.status === 404) await drop(id);
      throw error;
    }
  }

  async function refresh(id) {
    await read(id).catch((error) => signal.aborted || trouble(error));
  }

  async function drop(id) {
    const at = entries.findIndex(({item}) => item.id === id);
    if (at >= 0) entries.splice(at, 1);
    tiles.get(id)?.node.remove();
    await persist(() => api.shared(link), {signal}).catch(refused); // or is it the whole link that has ended?
  }

  function trouble(error) {
    if (error.status === 404) return;
    if (error.type === 'share-locked') refused(error);
    else explain(error);
  }

  async function download(id) {
    try {
      location.assign(await api.sharedOriginalUrl(link, id));
    } catch (error) {
      if (error.status === 404) await drop(id);
      trouble(error);
    }
  }

  /** Leafing: the entry that lies `step` further on. */
  async function beside(id, step) {
    const at = entries.findIndex(({item}) => item.id === id);
    if (at + step >= entries.length) await loadMore();
    return entries[at + step];
  }

  const watcher = new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && loadMore(), {rootMargin: AHEAD});
  signal.addEventListener('abort', () => watcher.disconnect());

  /** The item large, over the album; none: the album alone. */
  async function show(id) {
    wanted = id;
    view?.close();
    view = null;
    if (!id) return;
    try {
      const entry = entries.find(({item}) => item.id === id) ?? {item: await read(id), original: album.download_allowed};
      if (wanted === id && !signal.aborted) view = sharedView({entry, read, beside, open, download, trouble});
    } catch (error) {
      if (signal.aborted || wanted !== id) return;
      open(undefined, {inPlace: true});
      trouble(error);
    }
  }

  return {
    node,
    loadMore,
    show,
    close() {
      view?.close();
      stopper.abort();
    },
  };
}

function stopping() {
  const stopper = new AbortController();
  return {signal: stopper.signal, abort: () => stopper.abort()};
}

function head({title, description, owner_name: owner, item_count: count, expires_at: expires}) {
  const facts = [owner && `From ${owner}`, `${count} ${count === 1 ? 'item' : 'items'}`, expires && `open until ${dateAndTime(expires)}`];
  return element(
    'header',
    {class: 'shared-head'},
    element('p', {class: 'wordmark'}, mark(), element('span', {}, 'Darkroom')),
    element('h1', {}, title),
    description && element('p', {class: 'shared-description'}, description),
    element('p', {class: 'shared-facts'}, facts.filter(Boolean).join(' · ')),
  );
}

function sharedTile(first, {refresh, open}) {
  const {id} = first;
  const stage = element('span', {class: 'shared-stage'});
  const length = element('span', {class: 'shared-length', hidden: true}, icon('play'), element('span', {class: 'visually-hidden'}, 'Video'), element('span'));
  const link = element('button', {class: 'shared-link', type: 'button', 'aria-label': first.caption || first.name, onclick: () => open(id)}, stage, length);
  const node = element('li', {class: 'shared-tile', dataset: {item: id}}, link);
  let lost = 0;

  function update(item) {
    const shape = item.width && item.height ? item.width / item.height : 1.5;
    node.style.setProperty('--shape', Math.min(WIDEST, Math.max(NARROWEST, shape)).toFixed(3));
    const canvas = item.placeholder ? placeholderCanvas(item.placeholder) : null;
    const shown = picture(item, {sizes: SIZES, alt: '', onLost: again});
    stage.replaceChildren(...[canvas, shown].filter(Boolean));
    length.hidden = item.kind !== 'video' || !item.duration_seconds;
    if (!length.hidden) length.lastChild.textContent = lengthInWords(item.duration_seconds);
    setAttribute(node, 'data-kind', item.kind);
  }

  /** The addresses have run out, or the connection has: with fresh ones, after a while. */
  async function again() {
    await pauseOrOnline(waitSeconds(lost++));
    if (node.isConnected) await refresh(id);
  }

  update(first);
  return {node, update};
}
