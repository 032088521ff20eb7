// A picture in the sizes that there are, with its shape known before it loads.

import {element} from '../dom.js';

const NAMES = ['small', 'medium', 'large', 'fallback'];

/** The renditions that are the picture, of a video its poster; a storyboard is a JPEG too. */
export const pictureFiles = (item) =>
  (item?.renditions ?? []).filter(({name, content_type: type}) => NAMES.includes(name) && ['image/webp', 'image/jpeg'].includes(type));

/** `onLost` is called once when the URLs no longer work. */
export function picture(item, {sizes, alt, onLost}) {
  const files = pictureFiles(item);
  const webp = files.filter((each) => each.content_type === 'image/webp').sort((left, right) => left.width - right.width);
  const fallback = files.find((each) => each.content_type === 'image/jpeg') ?? webp.at(-1);
  const image = element('img', {alt, width: fallback.width, height: fallback.height, loading: 'lazy', decoding: 'async', src: fallback.url});
  const node = element('picture', {}, element('source', {type: 'image/webp', sizes, srcset: webp.map((each) => `${each.url} ${each.width}w`).join(', ')}), image);
  image.addEventListener('load', () => node.setAttribute('data-loaded', ''));
  image.addEventListener('error', onLost, {once: true});
  return node;
}
