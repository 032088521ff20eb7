// What was deleted and can still come back, or go for good.

import * as api from '../api.js';
import {element} from '../dom.js';
import {dateAndTime} from '../words.js';
import {button, carefulButton} from './controls.js';
import {picture, pictureFiles} from './picture.js';

export function trashPage({explain}) {
  const list = element('ul', {class: 'trash-list'});
  const empty = element('p', {class: 'trash-empty', hidden: true}, 'Nothing here. What you delete can be restored for 30 days.');
  const more = button('Show more', {onclick: () => load()});
  const node = element('section', {class: 'trash'}, element('h1', {}, 'Deleted items'), empty, list, more);
  let cursor;

  async function load() {
    try {
      const page = await api.items({cursor, deleted: true});
      list.append(...page.items.map(row));
      cursor = page.nextCursor;
      say();
    } catch (error) {
      explain(error);
    }
  }

  function say() {
    more.hidden = !cursor;
    empty.hidden = Boolean(cursor || list.childElementCount);
  }

  /** The event log tells the gallery of what comes back. */
  async function act(request, line) {
    try {
      await request;
      line.remove();
      say();
    } catch (error) {
      explain(error);
    }
  }

  function row(item) {
    const line = element(
      'li',
      {class: 'trash-item', dataset: {item: item.id}},
      element('div', {class: 'trash-picture'}, pictureFiles(item).length > 0 && picture(item, {sizes: '4rem', alt: '', onLost: () => {}})),
      element(
        'div',
        {class: 'trash-words'},
        element('p', {class: 'trash-name'}, item.name),
        element('p', {class: 'trash-time'}, `until ${dateAndTime(item.restorable_until)}`),
      ),
      button('Restore', {onclick: () => act(api.restoreItem(item.id), line)}),
      carefulButton('Delete for good', 'Really for good?', () => act(api.deleteItem(item.id, {permanently: true}), line), {kind: 'danger'}),
    );
    return line;
  }

  more.hidden = true;
  load();
  return node;
}
