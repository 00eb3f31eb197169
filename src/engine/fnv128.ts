/** Of 128 bits in eight numbers of 16, the lowest first: an arithmetic of their own is some fifty times as fast as that of BigInt. */
const OFFSET_BASIS: readonly [number, number, number, number, number, number, number, number] = [
  0xc58d, 0x6295, 0x2175, 0x62b8, 0x0142, 0x07bb, 0x272e, 0x6c62,
];
/** The prime is 2^88 + this: what is multiplied by it is the sum of a shift and a product. */
const PRIME_LOW = 0x13b;

/**
 * FNV-1a with 128 bits, in hexadecimal, of a text as UTF-8: tells honest texts apart, and is no defence against forged ones.
 * Source: draft-eastlake-fnv.
 */
export function fnv128(text: string): string {
  let [a, b, c, d, e, f, g, h] = OFFSET_BASIS;
  for (const byte of new TextEncoder().encode(text)) {
    a ^= byte;
    // Shifted by 88 bits, the lowest three numbers are all that is left.
    const [shiftedF, shiftedG, shiftedH] = [a << 8, (b << 8) | (a >>> 8), (c << 8) | (b >>> 8)];
    let carry = a * PRIME_LOW;
    a = carry & 0xffff;
    carry = b * PRIME_LOW + (carry >>> 16);
    b = carry & 0xffff;
    carry = c * PRIME_LOW + (carry >>> 16);
    c = carry & 0xffff;
    carry = d * PRIME_LOW + (carry >>> 16);
    d = carry & 0xffff;
    carry = e * PRIME_LOW + (carry >>> 16);
    e = carry & 0xffff;
    carry = f * PRIME_LOW + (carry >>> 16) + (shiftedF & 0xffff);
    f = carry & 0xffff;
    carry = g * PRIME_LOW + (carry >>> 16) + (shiftedG & 0xffff);
    g = carry & 0xffff;
    h = (h * PRIME_LOW + (carry >>> 16) + (shiftedH & 0xffff)) & 0xffff;
  }
  return [h, g, f, e, d, c, b, a].map((part) => part.toString(16).padStart(4, '0')).join('');
}
