import { logTail } from '../../../src/engine/docker-logs.js';

function frame(stream: 1 | 2, text: string): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.alloc(8);
  header.writeUInt8(stream, 0);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

test('frames that are cut anywhere read the same', () => {
  const bytes = Buffer.concat([frame(1, 'one\n'), frame(2, 'two\n'), frame(1, ''), frame(1, 'thrée')]);
  for (let size = 1; size <= bytes.length; size += 1) {
    const tail = logTail(1000);
    for (let at = 0; at < bytes.length; at += size) tail.write(bytes.subarray(at, at + size));
    expect(tail.text(10)).toBe('one\ntwo\nthrée');
  }
});

test('keeps the last lines and the last bytes, whole characters only', () => {
  const tail = logTail(10);
  tail.write(frame(1, 'abc\n€€€\nxyz\n'));
  expect(Buffer.byteLength(tail.text(10))).toBeLessThanOrEqual(10);
  expect(tail.text(10)).toBe('€\nxyz');
  expect(tail.text(1)).toBe('xyz');
  expect(tail.text(0)).toBe('');
});

test('replaces what would steer a terminal', () => {
  const tail = logTail(100);
  tail.write(frame(1, '\u001b[31mred\u0007\r\nx\ty\u009b\n'));
  expect(tail.text(10)).toBe('\uFFFD[31mred\uFFFD\nx\ty\uFFFD');
});
