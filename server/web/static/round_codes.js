// Codes of checkpoints, as domain/rounds/codes.py has them: a slip is known without a network, and so is whose it is.

const SIGNS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ";
const LENGTH = 9;

/** A code as it was typed, or as the address of a label or a tag holds it; null where a sign is wrong. */
export function canonical(text) {
  const tail = text.includes("/rounds/at/") ? text.split("/rounds/at/")[1].split(/[?#/]/)[0] : text;
  const signs = tail.toUpperCase().replace(/[-\s]/g, "");
  const places = Array.from(signs, (sign) => SIGNS.indexOf(sign));
  if (signs.length !== LENGTH || places.includes(-1)) return null;
  const sum = places.reduce((total, place, index) => total + place * (index === LENGTH - 1 ? 1 : index + 2), 0);
  return sum % SIGNS.length === 0 ? signs : null;
}

/** 24 bits of a code: FNV-1a. */
export function markOf(code) {
  let mark = 0x811c9dc5;
  for (const sign of code) mark = Math.imul(mark ^ sign.charCodeAt(0), 0x01000193) >>> 0;
  return mark >>> 8;
}
