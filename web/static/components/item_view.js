// One photo large, over the gallery: its caption, its facts, its receipt, and what can be done with it.

import * as api from '../api.js';
import {element, setText} from '../dom.js';
import {icon} from '../icons.js';
import {placeholderCanvas} from '../thumbhash.js';
import {dateAndTime, sizeInWords, STATES} from '../words.js';
import {button, carefulButton, iconButton} from './controls.js';
import {picture} from './picture.js';
import {receipt} from './receipt.js';

export function itemView({id, library, actions, go, explain}) {
  const stopper = new AbortController();
  const {signal} = stopper;
  const stage = element('div', {class: 'item-stage'});
  const title = element('h1', {class: 'item-title', tabindex: -1, autofocus: true});
  const status = element('p', {class: 'item-status', role: 'status'});
  const facts = element('dl', {class: 'item-facts'});
  const bar = element('div', {class: 'item-actions'});
  const caption = captionForm({id, library, explain});
  const log = receipt({id, explain});
  const panel = element('div', {class: 'item-panel'}, title, status, caption.node, bar, facts, log.node);
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

  function draw(item) {
    setText(title, item.name);
    setText(status, item.state === 'ready' ? '' : item.failure?.message ?? STATES[item.state]);
    status.dataset.state = item.state;
    caption.show(item);
    facts.replaceChildren(...factRows(item));
    bar.replaceChildren(...actionsFor(item, actions, go));
    const url = item.renditions[0]?.url ?? item.placeholder ?? item.state;
    if (url !== drawnUrl) {
      drawnUrl = url;
      drawStage(item);
    }
    log.refresh(item);
  }

  function drawStage(item) {
    const held = item.placeholder ? placeholderCanvas(item.placeholder) : null;
    const shown = item.renditions[0]?.url
      ? picture(item, {sizes: '(min-width: 60rem) calc(100vw - 25rem), 100vw', alt: item.caption || item.name, onLost: () => library.refresh(id)})
      : null;
    const blank = element('span', {class: 'item-blank'}, icon(item.state === 'failed' ? 'warning' : 'camera'));
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
  library.addEventListener('remove', ({detail}) => detail === id && go('/'), {signal});
  node.addEventListener('cancel', (event) => {
    event.preventDefault();
    go('/');
  });
  node.addEventListener('keydown', (event) => {
    if (event.target.matches('input, textarea')) return;
    if (event.key === 'ArrowLeft') newer();
    if (event.key === 'ArrowRight') older();
  });
  document.body.append(node);
  node.showModal();
  open();
  return {
    close() {
      stopper.abort();
      node.close();
      node.remove();
    },
  };
}

function factRows(item) {
  const rows = [
    ['Taken', item.captured_at && dateAndTime(item.captured_at)],
    ['Camera', item.camera],
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
