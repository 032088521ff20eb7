// The bar at the top: the name, where to go, and the button that takes photos.

import {element, setAttribute} from '../dom.js';
import {icon, mark} from '../icons.js';
import {iconButton} from './controls.js';

// Systems that know no type for these would leave them out of the list of files.
const ACCEPTED = 'image/*,video/*,.heic,.heif,.avif,.dng,.cr2,.nef,.arw,.mkv';

export function masthead({account, onFiles, onSignOut}) {
  const picker = filePicker(onFiles);
  const sessions = element('a', {class: 'icon-button', href: '/sessions', 'aria-label': 'Sessions', title: account.email}, icon('person'));
  const trash = element('a', {class: 'icon-button', href: '/deleted', 'aria-label': 'Deleted items', title: 'Deleted items'}, icon('trash'));
  const node = element(
    'header',
    {class: 'masthead'},
    element('a', {class: 'wordmark', href: '/', 'aria-label': 'Darkroom, to the gallery'}, mark(), element('span', {}, 'Darkroom')),
    element(
      'nav',
      {'aria-label': 'Darkroom'},
      element('label', {class: 'button primary', tabindex: '-1'}, icon('add'), element('span', {}, 'Add photos'), picker),
      trash,
      sessions,
      iconButton('Sign out', 'signOut', onSignOut),
    ),
  );
  return {
    node,
    mark(path) {
      for (const link of [trash, sessions]) setAttribute(link, 'aria-current', link.getAttribute('href') === path && 'page');
    },
  };
}

function filePicker(onFiles) {
  const picker = element('input', {class: 'visually-hidden', type: 'file', multiple: true, name: 'photos', accept: ACCEPTED});
  picker.addEventListener('change', () => {
    onFiles([...picker.files]);
    picker.value = '';
  });
  return picker;
}
