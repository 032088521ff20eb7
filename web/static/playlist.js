// Reads HLS playlists (RFC 8216), as much of them as the service writes, and the storyboard's track.

const ATTRIBUTE = /([A-Z0-9-]+)=("[^"]*"|[^,]*)/g;
const CUE = /(?:(\d+):)?(\d+):(\d+\.\d+)\s+-->\s+(?:(\d+):)?(\d+):(\d+\.\d+)[^\n]*\n[^\n]*#xywh=(\d+),(\d+),(\d+),(\d+)/g;

function attributes(line) {
  const pairs = [...line.slice(line.indexOf(':') + 1).matchAll(ATTRIBUTE)];
  return Object.fromEntries(pairs.map(([, name, value]) => [name, value.replaceAll('"', '')]));
}

/** The rungs, least bandwidth first: `{url, bandwidth, codecs, width, height}`. */
export function mainPlaylist(text, base) {
  const rungs = [];
  let told = null;
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#EXT-X-STREAM-INF:')) told = attributes(line);
    else if (told && line && !line.startsWith('#')) {
      const [width, height] = (told.RESOLUTION ?? '0x0').split('x').map(Number);
      rungs.push({url: new URL(line, base).href, bandwidth: Number(told.BANDWIDTH), codecs: told.CODECS ?? '', width, height});
      told = null;
    }
  }
  return rungs.sort((left, right) => left.bandwidth - right.bandwidth);
}

/** One rung as far as it is made: `{init, segments: [{number, url, start, end}], end, ended}`. */
export function mediaPlaylist(text, base) {
  const list = {init: null, segments: [], end: 0, ended: false};
  let seconds = null;
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#EXT-X-MAP:')) list.init = new URL(attributes(line).URI, base).href;
    else if (line.startsWith('#EXTINF:')) seconds = parseFloat(line.slice('#EXTINF:'.length));
    else if (line === '#EXT-X-ENDLIST') list.ended = true;
    else if (seconds !== null && line && !line.startsWith('#')) {
      list.segments.push({number: list.segments.length, url: new URL(line, base).href, start: list.end, end: list.end + seconds});
      list.end += seconds;
      seconds = null;
    }
  }
  return list;
}

/** The storyboard's pictures in order: `{start, end, x, y, width, height}`, seconds and pixels of the sprite. */
export function storyboardTrack(text) {
  const seconds = (hours, minutes, rest) => Number(hours ?? 0) * 3600 + Number(minutes) * 60 + Number(rest);
  return [...text.replaceAll('\r', '').matchAll(CUE)].map(([, ...parts]) => {
    const [x, y, width, height] = parts.slice(6).map(Number);
    return {start: seconds(...parts.slice(0, 3)), end: seconds(...parts.slice(3, 6)), x, y, width, height};
  });
}
