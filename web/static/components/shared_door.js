// What stands before a shared album: the question for its password, or why there is nothing to be seen.

import {element, setText} from '../dom.js';
import {mark} from '../icons.js';
import {button, field} from './controls.js';

const card = (...children) =>
  element('main', {class: 'sign-in'}, element('div', {class: 'sign-in-card'}, element('p', {class: 'wordmark'}, mark(), element('span', {}, 'Darkroom')), ...children));

export const messagePage = (title, words) => card(element('section', {class: 'sign-in-form shared-message'}, element('h1', {}, title), element('p', {}, words)));

/** `onPassword` rejects with the problem; `onGone` is called when the link has ended meanwhile. */
export function lockedPage({onPassword, onGone}) {
  const trouble = element('p', {class: 'sign-in-problem', role: 'alert', hidden: true});
  const submit = button('Open the album', {kind: 'primary', type: 'submit'});
  const input = {id: 'password', name: 'password', type: 'password', autocomplete: 'off', required: true, maxlength: 256, autofocus: true};
  const form = element(
    'form',
    {class: 'sign-in-form', onsubmit: send},
    element('h1', {}, 'This album has a password'),
    element('p', {class: 'shared-words'}, 'Whoever sent you the link can tell you.'),
    field('Password', input),
    trouble,
    submit,
  );

  async function send(event) {
    event.preventDefault();
    submit.disabled = true;
    trouble.hidden = true;
    try {
      await onPassword(form.password.value);
    } catch (error) {
      if (error.status === 404) return onGone(error);
      if (!error.title) throw error;
      setText(trouble, inWords(error));
      trouble.hidden = false;
      form.password.select();
    } finally {
      submit.disabled = false;
    }
    return undefined;
  }

  return card(form);
}

function inWords(error) {
  if (error.type === 'share-locked') return 'That is not the password.';
  if (error.status === 429) return `Too many tries. It goes on in ${Math.ceil((error.retryAfterSeconds ?? 60) / 60)} min.`;
  return [error.title, error.detail].filter(Boolean).join('. ');
}
