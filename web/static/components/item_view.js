// One photo or video large, over the gallery: its caption, its facts, its receipt, and what can be done with it.

import * as api from '../api.js';
import {element, setAttribute, setText} from '../dom.js';
import {icon} from '../icons.js';
import {placeholderCanvas} from '../thumbhash.js';
import {dateAndTime, lengthInWords, progressInWords, sizeInWords, STATES} from '../words.js';
import {button, carefulButton, iconButton} from './controls.js';
import {picture, pictureFiles} from './picture.js';
import {isPlayable} from './playback.js';
import {receipt} from './receipt.js';
import {videoView} from './video.js';

export function itemView({id, library, actions, go, explain}) {
  const stopper = new AbortController();
  const {signal} = stopper;
  const stage = element('div', {class: 'item-stage'});
  const title = element('h1', {class: 'item-title', tabindex: -1, autofocus: true});
  const status = element('p', {class: 'item-status', role: 'status'});
  const progress = element('progress', {class: 'item-progress', max: 100, value: 0, hidden: true, 'aria-label': 'Developing'});
  const facts = element('dl', {class: 'item-facts'});
  const bar = element('div', {class: 'item-actions'});
  const caption = captionForm({id, library, explain});
  const log = receipt({id, explain});
  const panel = element('div', {class: 'item-panel'}, title, status, progress, caption.node, bar, facts, log.node);
  const newer = () => show(library.all().findLast((item) => item.id > id));
  const older = async () => {
    const find = () => library.all().find((item) => item.id < id);
    if (!find()) await library.loadMore();
    if (!signal.aborted) show(find());
  };
  const show = (item) => item && go(`/items/${item.id}`, {inPlace: true});
  const node = element(
    'dialog',
    {class: 'item-view', 'aria-label': 'Photo'},
    element('div', {class: 'item-close'}, iconButton('Close', 'close', () => go('/'))),
    element('div', {class: 'item-previous'}, iconButton('Newer', 'arrowLeft', newer)),
    element('div', {class: 'item-next'}, iconButton('Older', 'arrowRight', older)),
    stage,
    panel,
  );
  let drawnUrl = '';
  let video = null;

  function draw(item) {
    setText(title, item.name);
    setAttribute(node, 'aria-label', item.kind === 'video' ? 'Video' : 'Photo');
    status.dataset.state = item.state;
    drawStatus(item);
    caption.show(item);
    facts.replaceChildren(...factRows(item));
    bar.replaceChildren(...actionsFor(item, actions, go));
    const url = isPlayable(item) ? 'video' : pictureFiles(item)[0]?.url ?? item.placeholder ?? item.state;
    if (url !== drawnUrl) {
      drawnUrl = url;
      drawStage(item);
    }
    video?.update(item);
    log.refresh(item);
  }

  function drawStatus(item) {
    const heard = library.progressOf(id);
    setText(status, item.state === 'ready' ? '' : item.failure?.message ?? (heard ? `${STATES.processing} · ${progressInWords(heard)}` : STATES[item.state]));
    progress.hidden = !heard;
    progress.value = heard?.percent ?? 0;
  }

  function drawStage(item) {
    const held = item.placeholder ? placeholderCanvas(item.placeholder) : null;
    video?.close();
    video = isPlayable(item) ? videoView({item, readItem: () => api.item(id)}) : null;
    stage.style.setProperty('--shape', item.width && item.height ? item.width / item.height : 16 / 9);
    if (video) {
      stage.replaceChildren(...[held, video.node].filter(Boolean));
      return;
    }
    const shown = pictureFiles(item)[0]?.url
      ? picture(item, {sizes: '(min-width: 60rem) calc(100vw - 25rem), 100vw', alt: item.caption || item.name, onLost: () => library.refresh(id)})
      : null;
    const blank = element('span', {class: 'item-blank'}, icon(item.state === 'failed' ? 'warning' : item.kind === 'video' ? 'film' : 'camera'));
    stage.replaceChildren(...(held || shown ? [held, shown].filter(Boolean) : [blank]));
  }

  async function open() {
    try {
      const known = library.get(id);
      if (known) draw(known);
      await library.putAnswer(id, () => api.item(id));
    } catch (error) {
      if (signal.aborted) return;
      explain(error);
      if (error.status === 404) go('/');
    }
  }

  library.addEventListener('put', ({detail: item}) => item.id === id && draw(item), {signal});
  library.addEventListener('progress', ({detail}) => detail.id === id && library.get(id) && drawStatus(library.get(id)), {signal});
  library.addEventListener('remove', ({detail}) => detail === id && go('/'), {signal});
  node.addEventListener('cancel', (event) => {
    event.preventDefault();
    go('/');
  });
  node.addEventListener('keydown', (event) => {
    if (event.target.matches('textarea')) return;
    const isSlider = event.target.matches('input'); // arrows move along the video
    if (event.key === 'ArrowLeft' && !isSlider) newer();
    if (event.key === 'ArrowRight' && !isSlider) older();
    if (!event.target.matches('button, a') && video?.press(event.key)) event.preventDefault();
  });
  document.body.append(node);
  node.showModal();
  open();
  return {
    close() {
      stopper.abort();
      video?.close();
      node.close();
      node.remove();
    },
  };
}

function factRows(item) {
  const rows = [
    ['Taken', item.captured_at && dateAndTime(item.captured_at)],
    ['Camera', item.camera],
    ['Length', item.duration_seconds && lengthInWords(item.duration_seconds)],
    ['Pixels', item.width && `${item.width} × ${item.height}`],
    ['Original', sizeInWords(item.size_bytes)],
    ['Dropped off', dateAndTime(item.created_at)],
  ];
  return rows.filter(([, value]) => value).flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]);
}

function actionsFor(item, actions, go) {
  const {id, state} = item;
  const made = [];
  if (!['uploading', 'expired'].includes(state)) made.push(button('Download original', {glyph: 'download', onclick: () => actions.download(id)}));
  if (['failed', 'cancelled'].includes(state)) made.push(button('Retry', {kind: 'primary', glyph: 'retry', onclick: () => actions.retry(id)}));
  if (['queued', 'processing'].includes(state)) made.push(button('Cancel', {onclick: () => actions.cancel(id)}));
  made.push(carefulButton('Delete', 'Really delete?', () => actions.remove(id).then(() => go('/')), {kind: 'danger', glyph: 'trash'}));
  return made;
}

function captionForm({id, library, explain}) {
  let version = null;
  const text = element('textarea', {name: 'caption', rows: 2, maxlength: 2000, placeholder: 'Add a caption', 'aria-label': 'Caption'});
  const save = button('Save', {kind: 'primary', type: 'submit'});
  const said = element('p', {class: 'caption-said', role: 'status'});
  const node = element('form', {class: 'caption', onsubmit: send}, text, save, said);
  text.addEventListener('input', () => node.toggleAttribute('data-changed', true));

  async function send(event) {
    event.preventDefault();
    try {
      const item = await api.editItem(id, {caption: text.value}, version);
      node.removeAttribute('data-changed');
      setText(said, 'Saved.');
      library.put({...library.get(id), ...item});
    } catch (error) {
      if (error.status !== 412) return explain(error);
      const current = await api.item(id);
      version = current.version;
      setText(said, `Somebody else changed it meanwhile to “${current.caption}”. Save again to replace that.`);
    }
    return undefined;
  }

  return {
    node,
    show(item) {
      if (node.hasAttribute('data-changed')) return;
      version = item.version;
      if (text.value !== item.caption) text.value = item.caption;
    },
  };
}
