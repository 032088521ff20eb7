// The grid of everything, newest first, grouped by day; tiles are made once and moved, never made anew.

import {element, setText} from '../dom.js';
import {hangingPrint} from '../icons.js';
import {dayInWords, dayOf, photosAndVideos} from '../words.js';
import {tile} from './tile.js';

const AHEAD = '1200px';
const SILENCE_MILLISECONDS = 5000; // after which another tab no longer sends what it said it was sending

export function gallery({library, uploads, actions, signal}) {
  const tiles = new Map();
  const days = new Map();
  const jobs = new Map();
  const elsewhere = new Map();
  const empty = element('section', {class: 'gallery-empty', hidden: true}, hangingPrint(), element('h1', {}, 'Nothing here yet'), element('p', {}, 'Drop photos and videos anywhere on this page, or use “Add photos”. Each is developed while you carry on.'));
  const list = element('div', {class: 'gallery-days'});
  const sentinel = element('div', {class: 'gallery-more', 'aria-hidden': 'true'});
  const node = element('section', {class: 'gallery', 'aria-label': 'Your photos'}, empty, list, sentinel);
  let planned = false;

  function plan() {
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => {
      planned = false;
      arrange();
    });
  }

  /** What the grid shows now: files without an item first, then items. */
  function entries() {
    const loose = [...jobs.values()].filter((job) => !job.itemId || !library.get(job.itemId));
    const byItem = new Map([...jobs.values()].filter((job) => job.itemId).map((job) => [job.itemId, job]));
    const waiting = loose.sort((left, right) => right.number - left.number);
    return [
      ...waiting.map((job) => ({key: job.key, day: dayOf(new Date().toISOString()), job, item: null})),
      ...library.all().map((item) => ({key: item.id, day: dayOf(item.created_at), job: byItem.get(item.id) ?? null, elsewhere: elsewhere.get(item.id), item})),
    ];
  }

  function arrange() {
    const shown = entries();
    for (const {key, job} of shown) {
      if (!job || tiles.has(key) || !tiles.has(job.key)) continue;
      tiles.set(key, tiles.get(job.key)); // the file's tile becomes the item's
      tiles.delete(job.key);
    }
    const keep = new Set(shown.map((entry) => entry.key));
    for (const [key, made] of tiles) {
      if (!keep.has(key)) {
        made.node.remove();
        tiles.delete(key);
      }
    }
    const grouped = Map.groupBy?.(shown, (entry) => entry.day) ?? groupBy(shown);
    for (const [day, section] of days) {
      if (!grouped.has(day)) {
        section.node.remove();
        days.delete(day);
      }
    }
    let before = null;
    for (const [day, group] of [...grouped].sort(([left], [right]) => (left < right ? 1 : -1))) before = placeDay(day, group, before);
    empty.hidden = shown.length > 0 || !library.complete;
  }

  function placeDay(day, group, before) {
    if (!days.has(day)) days.set(day, daySection(day));
    const section = days.get(day);
    place(list, section.node, before);
    setText(section.count, photosAndVideos(group.length, group.filter(({item}) => item?.kind === 'video').length));
    let previous = null;
    for (const entry of group) {
      if (!tiles.has(entry.key)) tiles.set(entry.key, tile({library, actions}));
      const made = tiles.get(entry.key);
      made.update(entry);
      place(section.grid, made.node, previous);
      previous = made.node;
    }
    return section.node;
  }

  uploads.addEventListener('job', ({detail: job}) => {
    const had = jobs.get(job.key);
    if (job.state !== 'done') jobs.set(job.key, job);
    const made = tiles.get(job.itemId) ?? tiles.get(job.key);
    if (had && made && job.state !== 'done' && (!job.itemId || tiles.has(job.itemId))) made.update({job, item: library.get(job.itemId) ?? null});
    else plan();
  }, {signal});
  uploads.addEventListener('gone', ({detail: job}) => {
    jobs.delete(job.key);
    plan();
  }, {signal});
  library.addEventListener('progress', ({detail}) => tiles.get(detail.id)?.showProgress(), {signal});
  let silence = 0;
  uploads.addEventListener('elsewhere', ({detail: sending}) => {
    for (const {id, share} of sending) elsewhere.set(id, share);
    plan();
    clearTimeout(silence);
    silence = setTimeout(() => {
      elsewhere.clear();
      plan();
    }, SILENCE_MILLISECONDS);
  }, {signal});
  for (const type of ['put', 'remove', 'clear', 'loaded']) library.addEventListener(type, plan, {signal});

  const watcher = new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && library.loadMore(), {rootMargin: AHEAD});
  watcher.observe(sentinel);
  library.addEventListener('loaded', () => {
    watcher.unobserve(sentinel);
    watcher.observe(sentinel);
  }, {signal});
  signal.addEventListener('abort', () => watcher.disconnect());
  return {node};
}

function daySection(day) {
  const count = element('span', {class: 'day-count'});
  const grid = element('ul', {class: 'day-grid'});
  const node = element('section', {class: 'day', 'aria-label': dayInWords(day)}, element('h2', {class: 'day-title'}, dayInWords(day), ' ', count), grid);
  return {node, grid, count};
}

/** After `before` in `parent`, moving nothing that stands right. */
function place(parent, node, before) {
  const next = before ? before.nextSibling : parent.firstChild;
  if (next !== node) parent.insertBefore(node, next);
}

function groupBy(entries) {
  const groups = new Map();
  for (const entry of entries) groups.set(entry.day, [...(groups.get(entry.day) ?? []), entry]);
  return groups;
}
