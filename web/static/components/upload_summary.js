// How the drop as a whole is doing, in one line that screen readers hear too.

import {element, setText} from '../dom.js';

export function uploadSummary({uploads, signal}) {
  const jobs = new Map();
  const words = element('p', {role: 'status'});
  const bar = element('progress', {class: 'tile-progress', max: 1, value: 0, 'aria-label': 'All uploads'});
  const node = element('aside', {class: 'upload-summary', 'aria-label': 'Uploads', hidden: true}, words, bar);

  function show() {
    const all = [...jobs.values()];
    const under = all.filter((job) => !['done', 'stopped'].includes(job.state));
    node.hidden = under.length === 0;
    if (!under.length) {
      jobs.clear();
      return;
    }
    const bytes = all.reduce((sum, job) => sum + job.file.size, 0);
    const sent = all.reduce((sum, job) => sum + (job.state === 'done' ? job.file.size : job.sentBytes), 0);
    bar.value = bytes ? sent / bytes : 0;
    setText(words, `Uploading ${all.length - under.length + 1} of ${all.length}`);
  }

  uploads.addEventListener('job', ({detail: job}) => {
    jobs.set(job.key, job);
    show();
  }, {signal});
  return {node};
}
