// How the drop as a whole is doing, in one line that screen readers hear too.

import {element, setText} from '../dom.js';
import {photosAndVideos} from '../words.js';

const LAST_WORD_MILLISECONDS = 4000;

export function uploadSummary({uploads, signal}) {
  const jobs = new Map();
  const words = element('p', {role: 'status'});
  const bar = element('progress', {class: 'tile-progress', max: 1, value: 0, 'aria-label': 'All uploads'});
  const node = element('aside', {class: 'upload-summary', 'aria-label': 'Uploads', hidden: true}, words, bar);
  let planned = false;
  let leaving = 0;

  /** Once per frame, however many files move. */
  function plan() {
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => {
      planned = false;
      show();
    });
  }

  function show() {
    const all = [...jobs.values()].filter((job) => job.state !== 'stopped');
    const done = all.filter((job) => job.state === 'done').length;
    if (!all.length) node.hidden = true;
    else if (done === all.length) leave(done);
    else {
      clearTimeout(leaving);
      leaving = 0;
      node.hidden = false;
      const bytes = all.reduce((sum, job) => sum + job.file.size, 0);
      bar.value = all.reduce((sum, job) => sum + (job.state === 'done' ? job.file.size : job.sentBytes), 0) / bytes;
      setText(words, `Uploading ${done + 1} of ${all.length}`);
    }
  }

  function leave(done) {
    if (leaving) return;
    bar.value = 1;
    const videos = [...jobs.values()].filter((job) => job.state === 'done' && job.file.type.startsWith('video/')).length;
    setText(words, `${photosAndVideos(done, videos)} dropped off`);
    leaving = setTimeout(() => {
      jobs.clear();
      leaving = 0;
      node.hidden = true;
    }, LAST_WORD_MILLISECONDS);
  }

  uploads.addEventListener('job', ({detail: job}) => {
    jobs.set(job.key, job);
    plan();
  }, {signal});
  signal.addEventListener('abort', () => clearTimeout(leaving));
  return {node};
}
