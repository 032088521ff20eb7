// Files may be dropped anywhere on the page, or pasted.

import {element} from '../dom.js';
import {hangingPrint} from '../icons.js';

const GONE_MILLISECONDS = 1000; // while files are held over the page, `dragover` comes every 350 ms at least

export function dropZone({onFiles, signal}) {
  const node = element('div', {class: 'drop-zone', hidden: true}, element('div', {class: 'drop-zone-words'}, hangingPrint(), element('p', {}, 'Let go to drop them off')));
  let gone = 0;
  const hide = () => {
    clearTimeout(gone);
    node.hidden = true;
  };
  const hasFiles = (event) => event.dataTransfer?.types.includes('Files');
  const listen = (type, act) => document.addEventListener(type, act, {signal});
  listen('dragover', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    node.hidden = false;
    clearTimeout(gone);
    gone = setTimeout(hide, GONE_MILLISECONDS);
  });
  listen('dragleave', (event) => event.relatedTarget === null && hide());
  listen('drop', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    hide();
    onFiles([...event.dataTransfer.files]);
  });
  listen('paste', (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) onFiles(files);
  });
  return {node};
}
