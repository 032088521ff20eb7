// One photo or video of a shared album, large: leafing by keys, arrows and swipes; the original where that is allowed.

import {element, setAttribute, setText} from '../dom.js';
import {placeholderCanvas} from '../thumbhash.js';
import {dateAndTime} from '../words.js';
import {button, iconButton} from './controls.js';
import {picture} from './picture.js';
import {isPlayable} from './playback.js';
import {videoView} from './video.js';

const SWIPE_PIXELS = 60;

/** `beside(id, step)` resolves to the entry before or after; `open(id)` changes the address. */
export function sharedView({entry, read, beside, open, download, trouble}) {
  const {item: first, original} = entry;
  const {id} = first;
  const stage = element('div', {class: 'view-stage'});
  const caption = element('p', {class: 'view-caption'});
  const taken = element('p', {class: 'view-taken'});
  const bar = element('div', {class: 'view-bar'}, element('div', {}, caption, taken), original && button('Download', {glyph: 'download', onclick: () => download(id)}));
  const leave = () => open();
  const previous = iconButton('Previous', 'arrowLeft', () => turn(-1));
  const next = iconButton('Next', 'arrowRight', () => turn(1));
  const node = element(
    'dialog',
    {class: 'shared-view', 'aria-label': first.kind === 'video' ? 'Video' : 'Photo'},
    stage,
    element('div', {class: 'view-previous'}, previous),
    element('div', {class: 'view-next'}, next),
    element('div', {class: 'view-close'}, iconButton('Close', 'close', leave)),
    bar,
  );
  let video = null;
  let begun = null;

  async function turn(step) {
    const found = await beside(id, step);
    if (found && node.isConnected) open(found.item.id, {inPlace: true});
  }

  function draw(item) {
    setText(caption, item.caption);
    setText(taken, item.captured_at ? dateAndTime(item.captured_at) : '');
    const held = item.placeholder ? placeholderCanvas(item.placeholder) : null;
    video?.close();
    video = isPlayable(item) ? videoView({item, readItem: () => read(id)}) : null;
    const shown = video?.node ?? picture(item, {sizes: '100vw', alt: item.caption || item.name, onLost: again});
    stage.replaceChildren(...[held, shown].filter(Boolean));
  }

  /** With fresh addresses, once: what fails then is gone or not to be reached. */
  async function again() {
    try {
      const item = await read(id);
      if (node.isConnected) draw(item);
    } catch (error) {
      if (!node.isConnected) return;
      trouble(error);
      if (error.status === 404) leave();
    }
  }

  node.addEventListener('cancel', (event) => {
    event.preventDefault();
    leave();
  });
  node.addEventListener('keydown', (event) => {
    const isSlider = event.target.matches('input'); // arrows move along the video
    if (event.key === 'ArrowLeft' && !isSlider) turn(-1);
    if (event.key === 'ArrowRight' && !isSlider) turn(1);
    if (!event.target.matches('button, a') && video?.press(event.key)) event.preventDefault();
  });
  stage.addEventListener('pointerdown', ({pointerType, clientX, target}) => {
    begun = pointerType === 'touch' && !target.closest('.video-controls') ? clientX : null;
  });
  stage.addEventListener('pointerup', ({clientX}) => {
    if (begun !== null && Math.abs(clientX - begun) > SWIPE_PIXELS) turn(clientX < begun ? 1 : -1);
    begun = null;
  });

  draw(first);
  document.body.append(node);
  node.showModal();
  Promise.all([beside(id, -1), beside(id, 1)]).then(([before, after]) => {
    setAttribute(previous, 'hidden', !before);
    setAttribute(next, 'hidden', !after);
  });
  return {
    close() {
      video?.close();
      node.close();
      node.remove();
    },
  };
}
