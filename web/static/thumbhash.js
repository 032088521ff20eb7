// Decodes a ThumbHash (a picture's low frequencies in some 25 bytes) into pixels for the placeholder.
//
// The hash holds cosine coefficients of four channels: luminance, yellow-blue, red-green and, if there is any, alpha.
// Five or six bytes of header carry the means, the scales and the shape; then each coefficient takes four bits.

const LONGEST_EDGE = 32;

/** `{width, height, pixels}` with RGBA bytes. Throws RangeError when the text is no ThumbHash. */
export function decodeThumbHash(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  if (bytes.length < 5) throw new RangeError('too short for a ThumbHash');
  const header = readHeader(bytes);
  const nibbles = nibbleReader(bytes, header.hasAlpha ? 6 : 5);
  const luminance = readChannel(nibbles, header.columns, header.rows, header.luminanceScale);
  const yellowBlue = readChannel(nibbles, 3, 3, header.yellowBlueScale * 1.25);
  const redGreen = readChannel(nibbles, 3, 3, header.redGreenScale * 1.25);
  const alpha = header.hasAlpha ? readChannel(nibbles, 5, 5, header.alphaScale) : [];
  return paint(header, {luminance, yellowBlue, redGreen, alpha});
}

/** The placeholder as a canvas; null when the hash cannot be read. */
export function placeholderCanvas(base64) {
  try {
    const {width, height, pixels} = decodeThumbHash(base64);
    const canvas = document.createElement('canvas');
    canvas.width = width;
    canvas.height = height;
    canvas.getContext('2d').putImageData(new ImageData(pixels, width, height), 0, 0);
    return canvas;
  } catch (error) {
    if (error instanceof RangeError || error instanceof DOMException) return null;
    throw error;
  }
}

function readHeader(bytes) {
  const first = bytes[0] | (bytes[1] << 8) | (bytes[2] << 16);
  const second = bytes[3] | (bytes[4] << 8);
  const hasAlpha = first >> 23 === 1;
  const landscape = second >> 15 === 1;
  const longer = hasAlpha ? 5 : 7;
  const shorter = second & 7;
  return {
    luminance: (first & 63) / 63,
    yellowBlue: ((first >> 6) & 63) / 31.5 - 1,
    redGreen: ((first >> 12) & 63) / 31.5 - 1,
    alpha: hasAlpha ? (bytes[5] & 15) / 15 : 1,
    luminanceScale: ((first >> 18) & 31) / 31,
    yellowBlueScale: ((second >> 3) & 63) / 63,
    redGreenScale: ((second >> 9) & 63) / 63,
    alphaScale: hasAlpha ? (bytes[5] >> 4) / 15 : 0,
    hasAlpha,
    columns: Math.max(3, landscape ? longer : shorter),
    rows: Math.max(3, landscape ? shorter : longer),
    ratio: landscape ? longer / Math.max(1, shorter) : Math.max(1, shorter) / longer,
  };
}

function nibbleReader(bytes, start) {
  let index = 0;
  return () => {
    const byte = bytes[start + (index >> 1)] ?? 0;
    return (byte >> ((index++ & 1) * 4)) & 15;
  };
}

/** The coefficients of one channel with their frequencies: the upper left triangle, without the mean. */
function readChannel(nextNibble, columns, rows, scale) {
  const terms = [];
  for (let row = 0; row < rows; row += 1) {
    for (let column = row === 0 ? 1 : 0; column * rows < columns * (rows - row); column += 1) {
      terms.push({column, row, weight: (nextNibble() / 7.5 - 1) * scale});
    }
  }
  return terms;
}

function paint(header, channels) {
  const width = Math.max(1, Math.round(header.ratio > 1 ? LONGEST_EDGE : LONGEST_EDGE * header.ratio));
  const height = Math.max(1, Math.round(header.ratio > 1 ? LONGEST_EDGE / header.ratio : LONGEST_EDGE));
  const across = cosines(width);
  const down = cosines(height);
  const pixels = new Uint8ClampedArray(width * height * 4);
  for (let y = 0, at = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, at += 4) {
      const sum = (mean, terms) =>
        terms.reduce((total, term) => total + term.weight * across[term.column][x] * down[term.row][y] * 2, mean);
      const luminance = sum(header.luminance, channels.luminance);
      const yellowBlue = sum(header.yellowBlue, channels.yellowBlue);
      const redGreen = sum(header.redGreen, channels.redGreen);
      const blue = luminance - (2 / 3) * yellowBlue;
      const red = (3 * luminance - blue + redGreen) / 2;
      pixels[at] = 255 * red;
      pixels[at + 1] = 255 * (red - redGreen);
      pixels[at + 2] = 255 * blue;
      pixels[at + 3] = 255 * sum(header.alpha, channels.alpha);
    }
  }
  return {width, height, pixels};
}

/** `cosines(n)[frequency][position]` for the seven frequencies that a hash can hold. */
function cosines(length) {
  return Array.from({length: 8}, (_, frequency) =>
    Float64Array.from({length}, (_, position) => Math.cos((Math.PI / length) * (position + 0.5) * frequency)),
  );
}
