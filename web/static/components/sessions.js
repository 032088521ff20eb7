// Where one is signed in, and how to end that.

import * as api from '../api.js';
import {element} from '../dom.js';
import {dateAndTime} from '../words.js';
import {button, carefulButton} from './controls.js';

export function sessionsPage({explain}) {
  const list = element('ul', {class: 'sessions-list'});
  const everywhere = carefulButton('Sign out everywhere', 'Really everywhere?', () => api.signOutEverywhere().then(() => location.assign('/'), explain), {kind: 'danger'});
  const node = element('section', {class: 'sessions'}, element('h1', {}, 'Where you are signed in'), list, everywhere);

  async function load() {
    try {
      list.replaceChildren(...(await api.sessions()).map(row));
    } catch (error) {
      explain(error);
    }
  }

  async function end(session) {
    try {
      await api.endSession(session.id);
      if (session.current) location.assign('/');
      else await load();
    } catch (error) {
      explain(error);
    }
  }

  const row = (session) =>
    element(
      'li',
      {class: 'session', dataset: {session: session.id}},
      element(
        'div',
        {},
        element('p', {class: 'session-label'}, session.label || 'A program', session.current && element('span', {class: 'session-current'}, 'this one')),
        element('p', {class: 'session-times'}, `since ${dateAndTime(session.created_at)}, until ${dateAndTime(session.expires_at)} unless used`),
      ),
      button(session.current ? 'Sign out' : 'End', {onclick: () => end(session)}),
    );

  load();
  return node;
}
