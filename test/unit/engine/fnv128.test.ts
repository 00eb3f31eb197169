import { randomBytes } from 'node:crypto';
import { fnv128 } from '../../../src/engine/fnv128.js';

/** By the definition, with numbers of any size. */
function byDefinition(text: string): string {
  let hash = 0x6c62272e07bb014262b821756295c58dn;
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(128, (hash ^ BigInt(byte)) * ((1n << 88n) + 0x13bn));
  return hash.toString(16).padStart(32, '0');
}

test.each([
  ['', '6c62272e07bb014262b821756295c58d'],
  ['a', 'd228cb696f1a8caf78912b704e4a8964'],
  ['foobar', '343e1662793c64bf6f0d3597ba446f18'],
])('hashes %j as published', (text, hash) => {
  expect(fnv128(text)).toBe(hash);
});

test('hashes any text as defined', () => {
  for (let length = 0; length < 200; length += 1) {
    const text = randomBytes(length).toString('latin1');
    expect(fnv128(text)).toBe(byDefinition(text));
  }
});
