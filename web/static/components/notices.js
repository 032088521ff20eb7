// Short words at the edge of the page: what did not work, and whether the connection is away.

import {element} from '../dom.js';
import {icon} from '../icons.js';
import {iconButton} from './controls.js';

const SHOWN_SECONDS = 8;
const MOST = 3;

export function notices() {
  const list = element('ul', {class: 'notice-list', 'aria-live': 'polite'});
  const banner = element('p', {class: 'notice-banner', role: 'status', hidden: true}, 'No connection to Darkroom. It goes on by itself.');
  const node = element('aside', {class: 'notices', 'aria-label': 'Notices'}, banner, list);
  const show = () => {
    banner.hidden = navigator.onLine;
  };
  addEventListener('online', show);
  addEventListener('offline', show);

  function say(title, detail) {
    const entry = element(
      'li',
      {class: 'notice'},
      icon('warning'),
      element('div', {}, element('strong', {}, title), detail && detail !== title && element('p', {}, detail)),
      iconButton('Dismiss', 'close', () => entry.remove()),
    );
    list.append(entry);
    while (list.children.length > MOST) list.firstChild.remove();
    setTimeout(() => entry.remove(), SHOWN_SECONDS * 1000);
  }

  return {
    node,
    say,
    trouble(away) {
      banner.hidden = !away && navigator.onLine;
    },
  };
}
