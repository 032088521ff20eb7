// The few drawings of the page, as strokes on a grid of 24.

import {drawing} from './dom.js';

const PATHS = {
  add: ['M12 5v14', 'M5 12h14'],
  arrowLeft: ['M15 5l-7 7 7 7'],
  arrowRight: ['M9 5l7 7-7 7'],
  camera: ['M4 8h3l2-3h6l2 3h3v11H4z', 'M12 16.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z'],
  check: ['M5 12.5l4.5 4.5L19 7.5'],
  close: ['M6 6l12 12', 'M18 6L6 18'],
  download: ['M12 4v11', 'M7 11l5 5 5-5', 'M5 20h14'],
  enlarge: ['M4 9V4h5', 'M15 4h5v5', 'M20 15v5h-5', 'M9 20H4v-5'],
  film: ['M4 5h16v14H4z', 'M8 5v14', 'M16 5v14', 'M4 9.7h4', 'M4 14.3h4', 'M16 9.7h4', 'M16 14.3h4'],
  muted: ['M4 9.5v5h3.5L12 18.5v-13L7.5 9.5z', 'M16 9.5l5 5', 'M21 9.5l-5 5'],
  pause: ['M8 5v14', 'M16 5v14'],
  person: ['M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8z', 'M4.5 20a7.5 7.5 0 0 1 15 0'],
  play: ['M8 5l11 7-11 7z'],
  reduce: ['M9 4v5H4', 'M20 9h-5V4', 'M15 20v-5h5', 'M4 15h5v5'],
  signOut: ['M10 5H5v14h5', 'M14 8l4 4-4 4', 'M18 12H9'],
  retry: ['M19 8a8 8 0 1 0 1 6', 'M20 4v5h-5'],
  sound: ['M4 9.5v5h3.5L12 18.5v-13L7.5 9.5z', 'M15.5 9a4.2 4.2 0 0 1 0 6', 'M18 6.5a8 8 0 0 1 0 11'],
  trash: ['M5 7h14', 'M9 7V4h6v3', 'M7 7l1 13h8l1-13'],
  warning: ['M12 4l9 16H3z', 'M12 10v4', 'M12 17v.01'],
};

export function icon(name) {
  return drawing(
    'svg',
    {class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true'},
    PATHS[name].map((path) => drawing('path', {d: path})),
  );
}

/** The lens ring with the safelight in it. */
export function mark() {
  return drawing(
    'svg',
    {class: 'mark', viewBox: '0 0 32 32', 'aria-hidden': 'true'},
    drawing('circle', {class: 'mark-ring', cx: 16, cy: 16, r: 11.5}),
    drawing('circle', {class: 'mark-light', cx: 16, cy: 16, r: 5.5}),
  );
}

/** A print that hangs to dry under the safelight: what an empty gallery shows. */
export function hangingPrint() {
  return drawing(
    'svg',
    {class: 'hanging-print', viewBox: '0 0 240 170', 'aria-hidden': 'true'},
    drawing('path', {class: 'print-line', d: 'M6 26 C 70 44, 170 44, 234 26'}),
    drawing(
      'g',
      {class: 'print'},
      drawing('rect', {class: 'print-paper', x: 72, y: 42, width: 96, height: 112, rx: 4}),
      drawing('rect', {class: 'print-picture', x: 81, y: 51, width: 78, height: 76, rx: 2}),
      drawing('circle', {class: 'print-sun', cx: 138, cy: 73, r: 9}),
      drawing('path', {class: 'print-hill', d: 'M81 118 l22 -30 18 22 12 -13 26 30 H81z'}),
      drawing('rect', {class: 'print-peg', x: 89, y: 34, width: 7, height: 17, rx: 2}),
      drawing('rect', {class: 'print-peg', x: 144, y: 34, width: 7, height: 17, rx: 2}),
    ),
  );
}
