// How bytes are cut and named: the same rules as the service's (shared/uploads.py).

const MEBIBYTE = 1024 * 1024;

export const SINGLE_PUT_BYTES = 16 * MEBIBYTE;
export const LARGEST_ITEM_BYTES = 20 * 1024 * MEBIBYTE;

/** The SHA-256 of a piece of a file, in hex; the piece is in memory while it is hashed. */
export async function sha256(blob) {
  const digest = await crypto.subtle.digest('SHA-256', await blob.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Part `number` (from 1) of a file. */
export const partOf = (file, number, partSize) => file.slice((number - 1) * partSize, number * partSize);
