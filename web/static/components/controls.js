// Buttons and fields, the same everywhere.

import {element} from '../dom.js';
import {icon} from '../icons.js';

const ASKED_SECONDS = 10;

/** `kind`: primary, quiet, danger. `glyph`: an icon before the label. */
export function button(label, {kind = 'quiet', glyph, type = 'button', onclick, title} = {}) {
  return element('button', {class: `button ${kind}`, type, onclick, title}, glyph && icon(glyph), element('span', {}, label));
}

export function iconButton(label, glyph, onclick) {
  return element('button', {class: 'icon-button', type: 'button', 'aria-label': label, title: label, onclick}, icon(glyph));
}

/** A button that asks once more before it acts. */
export function carefulButton(label, question, onclick, options = {}) {
  const node = button(label, {...options, onclick: () => (node.dataset.asked ? onclick() : ask())});
  const text = node.querySelector('span');
  let asking;
  function ask() {
    node.dataset.asked = 'yes';
    text.textContent = question;
    asking = setTimeout(calm, ASKED_SECONDS * 1000);
  }
  function calm() {
    clearTimeout(asking);
    delete node.dataset.asked;
    text.textContent = label;
  }
  node.addEventListener('blur', calm);
  return node;
}

export function field(label, attributes, hint) {
  return element(
    'label',
    {class: 'field'},
    element('span', {class: 'field-label'}, label),
    element('input', attributes),
    hint && element('span', {class: 'field-hint'}, hint),
  );
}
