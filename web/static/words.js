// How things are called on the page: sizes, times, states, steps.

const bytes = new Intl.NumberFormat(undefined, {maximumFractionDigits: 1});
const clock = new Intl.DateTimeFormat(undefined, {hour: '2-digit', minute: '2-digit', second: '2-digit'});
const moment = new Intl.DateTimeFormat(undefined, {dateStyle: 'medium', timeStyle: 'short'});
const weekday = new Intl.DateTimeFormat(undefined, {weekday: 'long', day: 'numeric', month: 'long'});
const fullDay = new Intl.DateTimeFormat(undefined, {day: 'numeric', month: 'long', year: 'numeric'});

const UNITS = ['bytes', 'KB', 'MB', 'GB', 'TB'];

export function sizeInWords(count) {
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${bytes.format(value)} ${UNITS[unit]}`;
}

export const timeOfDay = (text) => clock.format(new Date(text));
export const dateAndTime = (text) => moment.format(new Date(text));

/** The local day as `2026-11-24`; groups and sorts. */
export function dayOf(text) {
  const date = new Date(text);
  const two = (number) => String(number).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

export function dayInWords(day, today = new Date()) {
  const date = new Date(`${day}T12:00:00`);
  const noon = new Date(today.getFullYear(), today.getMonth(), today.getDate(), 12);
  const daysAgo = Math.round((noon - date) / 86_400_000);
  if (daysAgo === 0) return 'Today';
  if (daysAgo === 1) return 'Yesterday';
  return date.getFullYear() === noon.getFullYear() ? weekday.format(date) : fullDay.format(date);
}

export function secondsInWords(seconds) {
  if (seconds < 1) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** A video's length, or a place in it: `0:07`, `1:02:03`. */
export function lengthInWords(seconds) {
  const whole = Math.floor(seconds);
  const two = (number) => String(number).padStart(2, '0');
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes}:${two(whole % 60)}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

/** How far a video is: `42 %`, and if that can be told, for how long it will still take. */
export function progressInWords({percent, ready_at: readyAt}, now = Date.now()) {
  const share = `${Math.floor(percent)} %`;
  return readyAt ? `${share} · ${leftInWords((new Date(readyAt) - now) / 1000)}` : share;
}

function leftInWords(seconds) {
  if (seconds < 5) return 'almost done';
  if (seconds < 55) return `${Math.ceil(seconds / 10) * 10} s left`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 60 ? `${minutes} min left` : `${Math.floor(minutes / 60)} h ${minutes % 60} min left`;
}

const counted = (count, word) => `${count} ${word}${count === 1 ? '' : 's'}`;

export function photosAndVideos(count, videos) {
  const photos = count - videos;
  return [(photos > 0 || count === 0) && counted(photos, 'photo'), videos > 0 && counted(videos, 'video')].filter(Boolean).join(', ');
}

export const STATES = {
  waiting: 'Waiting',
  hashing: 'Reading',
  uploading: 'Uploading',
  paused: 'Waiting for a connection',
  finishing: 'Checking',
  stopped: 'Not uploaded',
  queued: 'In the tray',
  processing: 'Developing',
  ready: 'Ready',
  failed: 'Could not be developed',
  cancelled: 'Cancelled',
  expired: 'The upload ran out of time',
};

const STEPS = {
  created: 'Dropped off',
  upload_started: 'Upload began',
  upload_refused: 'Upload did not match, started over',
  completed: 'Upload complete and verified',
  sent: 'Put in the queue',
  claimed: 'A worker took it',
  download: 'Original fetched',
  probe: 'Looked at',
  poster: 'Poster taken from it',
  make: 'Pictures made',
  upload: 'Files stored',
  passed_on: 'Passed on to the film developers',
  playable: 'Can be played',
  encode: 'Film developed',
  join: 'Joined into one file',
  remade: 'Made anew',
  ready: 'Ready',
  failed: 'Failed',
  lost: 'The worker was lost; it goes back to the queue',
  given_back: 'Given back to the queue',
  retried: 'Tried again',
  cancelled: 'Cancelled',
  expired: 'Expired',
  deleted: 'Deleted',
  restored: 'Restored',
  cleaned: 'Leftovers removed',
};

export function stepInWords(step) {
  const plain = step.replaceAll('_', ' ');
  return STEPS[step] ?? plain.charAt(0).toUpperCase() + plain.slice(1);
}

/** What a person will recognise this session by, from what the browser says about itself. */
export function browserInWords(agent = navigator.userAgent) {
  const browsers = [['Edg/', 'Edge'], ['OPR/', 'Opera'], ['Firefox/', 'Firefox'], ['Chrome/', 'Chrome'], ['Safari/', 'Safari']];
  const systems = [['iPhone', 'iPhone'], ['iPad', 'iPad'], ['Android', 'Android'], ['Windows', 'Windows'], ['Mac OS', 'Mac'], ['Linux', 'Linux']];
  const found = (pairs) => pairs.find(([sign]) => agent.includes(sign))?.[1];
  return `${found(browsers) ?? 'Browser'} on ${found(systems) ?? 'an unknown system'}`;
}
