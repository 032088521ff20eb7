// One photo or video in the grid, from the moment it is dropped: progress, placeholder, picture, or what went wrong.

import {element, setAttribute, setText} from '../dom.js';
import {icon} from '../icons.js';
import {pauseOrOnline, waitSeconds} from '../retry.js';
import {placeholderCanvas} from '../thumbhash.js';
import {lengthInWords, progressInWords, sizeInWords, STATES} from '../words.js';
import {button, carefulButton} from './controls.js';
import {picture, pictureFiles} from './picture.js';

const ENDED = ['failed', 'cancelled', 'expired'];
const SIZES = '(min-width: 60rem) 16rem, 45vw';

export function tile({library, actions}) {
  const stage = element('div', {class: 'tile-stage'});
  const name = element('span', {class: 'tile-name'});
  const state = element('span', {class: 'tile-state'});
  const length = element('span', {class: 'tile-length', hidden: true}, icon('play'), element('span', {class: 'visually-hidden'}, 'Video'), element('span'));
  const bar = element('progress', {class: 'tile-progress', max: 1, value: 0, hidden: true});
  const words = element('div', {class: 'tile-words'}, name, state, bar);
  const trouble = element('div', {class: 'tile-trouble', hidden: true});
  const link = element('a', {class: 'tile-link'}, stage, length, words);
  const node = element('li', {class: 'tile'}, link, trouble);
  let drawn = {};
  let shownItem = null; // as it was last drawn, when nothing but the item mattered
  let latest = null; // the item, unless it is still being sent from here
  let lost = 0;

  /** `job`: the upload in this tab. `elsewhere`: how far another tab is with it, 0 to 1. */
  function update({item, job, elsewhere = null}) {
    if (item && item === shownItem && !job && elsewhere === null) return; // in a gallery of thousands, almost all
    shownItem = job || elsewhere !== null ? null : item;
    const running = job && job.state !== 'done' && (!item || item.state === 'uploading');
    const far = running ? null : item?.state === 'uploading' ? elsewhere : null;
    const shown = running ? job.state : item?.state ?? 'waiting';
    setAttribute(node, 'data-state', shown === 'stopped' ? 'stopped' : item?.state ?? 'uploading');
    setAttribute(node, 'data-item', item?.id ?? job?.itemId ?? null);
    setAttribute(link, 'href', item ? `/items/${item.id}` : null);
    setText(name, item?.name ?? job.file.name);
    setText(state, far === null ? stateInWords(shown, item, running) : `${STATES.uploading} in another window`);
    bar.hidden = far === null && !(running && ['hashing', 'uploading', 'paused', 'finishing'].includes(job.state));
    bar.value = running ? job.share : far ?? 0;
    setAttribute(bar, 'aria-label', `Upload of ${item?.name ?? job?.file.name}`);
    latest = running ? null : item;
    showProgress();
    drawLength(item);
    drawPicture(item, shown === 'failed' || shown === 'stopped' ? 'warning' : item?.kind === 'video' ? 'film' : 'camera');
    drawTrouble(item, job, running || far !== null);
  }

  /** How far a video in the making is. */
  function showProgress() {
    const heard = latest && library.progressOf(latest.id);
    if (!heard) return;
    setText(state, progressInWords(heard));
    bar.hidden = false;
    bar.value = heard.percent / 100;
    setAttribute(bar, 'aria-label', `Development of ${latest.name}`);
  }

  function drawLength(item) {
    length.hidden = item?.kind !== 'video' || !item.duration_seconds;
    if (length.hidden) return;
    setText(length.lastChild, lengthInWords(item.duration_seconds));
    setAttribute(length, 'data-playable', item.playable || item.state === 'ready');
  }

  function drawPicture(item, glyph) {
    const [first] = pictureFiles(item);
    setAttribute(node, 'data-pictured', Boolean(first));
    const ground = item?.placeholder ?? glyph;
    if (ground !== drawn.ground) {
      const canvas = item?.placeholder ? placeholderCanvas(item.placeholder) : null;
      stage.replaceChildren(canvas ?? element('span', {class: 'tile-blank'}, icon(glyph)));
      drawn = {...drawn, ground, url: null};
    }
    if (first?.url && first.url !== drawn.url) {
      drawn.url = first.url;
      stage.querySelector('picture')?.remove();
      stage.append(picture(item, {sizes: SIZES, alt: item.caption || item.name, onLost: () => drawAgain(item)}));
    }
  }

  /** The URLs have run out, or the connection has: with fresh ones, after a while. */
  async function drawAgain(item) {
    await pauseOrOnline(waitSeconds(lost++));
    if (!node.isConnected) return;
    drawn.url = null;
    library.refresh(item.id);
  }

  function drawTrouble(item, job, running) {
    const stopped = running && job?.state === 'stopped';
    const key = stopped ? `stopped ${job.problem.title}` : ENDED.includes(item?.state) ? `${item.state} ${item.failure?.code}` : running || item?.state !== 'uploading' ? '' : 'resume';
    if (key === drawn.trouble) return;
    drawn.trouble = key;
    trouble.hidden = !key;
    trouble.replaceChildren(...(stopped ? stoppedWords(job) : key === 'resume' ? resumeWords(item) : key ? endedWords(item) : []));
  }

  const stoppedWords = (job) => [
    element('p', {}, `${job.problem.title}. ${job.problem.detail ?? ''}`),
    element('div', {class: 'tile-actions'}, !job.problem.isFinal && button('Try again', {glyph: 'retry', onclick: () => actions.again(job)}), button('Dismiss', {kind: 'plain', onclick: () => actions.discard(job)})),
  ];

  const resumeWords = (item) => [
    element('p', {}, 'If nothing is sending it any more: drop the same file again to go on where it stopped.'),
    element('div', {class: 'tile-actions'}, carefulButton('Delete', 'Really delete?', () => actions.remove(item.id), {kind: 'danger', glyph: 'trash'})),
  ];

  const endedWords = (item) => [
    element('p', {}, item.failure?.message ?? (item.state === 'expired' ? 'The upload was never finished.' : 'Nothing more happens to it.')),
    element(
      'div',
      {class: 'tile-actions'},
      item.state !== 'expired' && button('Retry', {glyph: 'retry', onclick: () => actions.retry(item.id)}),
      item.state === 'failed' && button('Download original', {glyph: 'download', onclick: () => actions.download(item.id)}),
      carefulButton('Delete', 'Really delete?', () => actions.remove(item.id), {kind: 'danger', glyph: 'trash'}),
    ),
  ];

  return {node, update, showProgress};
}

function stateInWords(shown, item, running) {
  if (shown === 'ready') return '';
  if (shown === 'uploading' && !running) return 'Not fully uploaded';
  return shown === 'failed' ? STATES.failed : `${STATES[shown] ?? shown}${item && shown === 'uploading' ? ` · ${sizeInWords(item.size_bytes).replace(' ', '\u00a0')}` : ''}`;
}
