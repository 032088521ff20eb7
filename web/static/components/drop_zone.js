// Files may be dropped anywhere on the page, or pasted.

import {element} from '../dom.js';
import {hangingPrint} from '../icons.js';

export function dropZone({onFiles, signal}) {
  const node = element('div', {class: 'drop-zone', hidden: true}, element('div', {class: 'drop-zone-words'}, hangingPrint(), element('p', {}, 'Let go to drop them off')));
  let depth = 0;
  const hasFiles = (event) => event.dataTransfer?.types.includes('Files');
  const listen = (type, act) => document.addEventListener(type, act, {signal});
  listen('dragenter', (event) => {
    if (!hasFiles(event)) return;
    depth += 1;
    node.hidden = false;
  });
  listen('dragleave', (event) => {
    if (hasFiles(event) && (depth = Math.max(0, depth - 1)) === 0) node.hidden = true;
  });
  listen('dragover', (event) => hasFiles(event) && event.preventDefault());
  listen('drop', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    node.hidden = true;
    onFiles([...event.dataTransfer.files]);
  });
  listen('paste', (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) onFiles(files);
  });
  return {node};
}
