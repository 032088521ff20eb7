// What was done with an item, step by step: nobody needs a server's log.

import * as api from '../api.js';
import {element, setText} from '../dom.js';
import {secondsInWords, stepInWords, timeOfDay} from '../words.js';

export function receipt({id, explain}) {
  const list = element('ol', {class: 'receipt-steps'});
  const whole = element('span', {class: 'receipt-whole'});
  const node = element('section', {class: 'receipt', 'aria-label': 'Receipt'}, element('h2', {}, 'Receipt', whole), list);
  let shown = '';

  /** Reads it again when the item has moved on. */
  async function refresh(item) {
    const state = `${item.state} ${item.version}`;
    if (state === shown) return;
    shown = state;
    try {
      const {steps} = await api.receipt(id);
      list.replaceChildren(...steps.map(line));
      setText(whole, wholeInWords(steps));
    } catch (error) {
      if (error.status !== 404) explain(error);
    }
  }

  return {node, refresh};
}

/** From the drop to the picture, once it is there. */
function wholeInWords(steps) {
  const began = steps.find((step) => step.step === 'created');
  const ready = steps.findLast((step) => step.step === 'ready');
  return began && ready ? `ready in ${secondsInWords((new Date(ready.at) - new Date(began.at)) / 1000)}` : '';
}

function line(step) {
  return element(
    'li',
    {class: 'receipt-step', dataset: {step: step.step}},
    element('time', {datetime: step.at}, timeOfDay(step.at)),
    element('span', {}, stepInWords(step.step), step.attempt > 1 && element('em', {}, ` attempt ${step.attempt}`)),
    element('span', {class: 'receipt-seconds'}, step.seconds === null ? '' : secondsInWords(step.seconds)),
  );
}
