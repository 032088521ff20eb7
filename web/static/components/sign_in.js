// One form for both: sign in, or create the account first. A link for the first administrator opens it with its token.

import * as api from '../api.js';
import {element, setText} from '../dom.js';
import {mark} from '../icons.js';
import {browserInWords} from '../words.js';
import {button, field} from './controls.js';

export function signIn({onSignedIn, administratorToken}) {
  let creating = false;
  const email = {id: 'email', name: 'email', type: 'email', autocomplete: 'username', required: true, maxlength: 254};
  const password = {id: 'password', name: 'password', type: 'password', required: true, maxlength: 256};
  const title = element('h1', {}, 'Sign in');
  const trouble = element('p', {class: 'sign-in-problem', role: 'alert', hidden: true});
  const submit = button('Sign in', {kind: 'primary', type: 'submit'});
  const turn = button('Create an account instead', {kind: 'plain', onclick: () => show(!creating)});
  const passwordField = field('Password', {...password, autocomplete: 'current-password'}, ' ');
  const hint = passwordField.querySelector('.field-hint');
  const form = element('form', {class: 'sign-in-form', onsubmit: send}, title, field('E-mail address', email), passwordField, trouble, submit, turn);

  function show(create) {
    creating = create;
    setText(title, create ? (administratorToken ? 'Create the administrator account' : 'Create an account') : 'Sign in');
    setText(submit.querySelector('span'), create ? 'Create account' : 'Sign in');
    setText(turn.querySelector('span'), create ? 'Sign in instead' : 'Create an account instead');
    setText(hint, create ? 'At least 10 characters; a few words are good.' : '');
    form.password.autocomplete = create ? 'new-password' : 'current-password';
    trouble.hidden = true;
  }

  async function send(event) {
    event.preventDefault();
    submit.disabled = true;
    trouble.hidden = true;
    const [address, secret] = [form.email.value, form.password.value];
    try {
      if (creating) {
        await api.register(address, secret, administratorToken);
        administratorToken = undefined;
        show(false); // if signing in fails now, the next try signs in to the account that exists
      }
      const signedIn = await api.signIn(address, secret, browserInWords());
      onSignedIn(signedIn.account);
    } catch (error) {
      if (!error.title) throw error;
      setText(trouble, error.status === 401 ? 'This address and this password do not belong together.' : [error.title, error.detail].filter(Boolean).join('. '));
      trouble.hidden = false;
      form.password.focus();
    } finally {
      submit.disabled = false;
    }
  }

  show(Boolean(administratorToken));
  return element(
    'main',
    {class: 'sign-in'},
    element('div', {class: 'sign-in-card'}, element('p', {class: 'wordmark'}, mark(), element('span', {}, 'Darkroom')), element('p', {class: 'sign-in-words'}, 'Drop off a photo or a video, carry on, get called back when it is ready.'), form),
  );
}
