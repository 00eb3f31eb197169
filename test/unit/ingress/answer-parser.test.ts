import { AnswerError, type AnswerHead, AnswerParser } from '../../../src/ingress/answer-parser.js';

interface Found {
  readonly interim: number[];
  head: AnswerHead | null;
  body: string;
  /** Whether the parser said of a part of the body that it was the last. */
  saidLast: boolean;
  trailers: readonly string[] | null;
  surplus: boolean | null;
}

const MAX_HEADER = 1_000;

function parse(parts: readonly string[], { bodiless = false, closed = false } = {}): Found {
  const found: Found = { interim: [], head: null, body: '', saidLast: false, trailers: null, surplus: null };
  const parser = new AnswerParser(
    {
      interim: ({ status }) => void found.interim.push(status),
      head: (head) => {
        found.head = head;
      },
      body: (bytes, last) => {
        found.body += bytes.toString('latin1');
        found.saidLast ||= last;
      },
      ended: (trailers, surplus) => {
        found.trailers = trailers;
        found.surplus = surplus;
      },
    },
    MAX_HEADER,
  );
  parser.begin(bodiless);
  for (const part of parts) parser.push(Buffer.from(part, 'latin1'));
  if (closed) parser.finish();
  return found;
}

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';
const HINT = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n';

const WHOLE: Record<string, [string, Partial<Found>, { bodiless?: boolean; closed?: boolean }?]> = {
  'a length': [OK, { body: 'hello', saidLast: true }],
  'no body': ['HTTP/1.1 200 \r\ncontent-length:0\r\n\r\n', { body: '' }],
  'no reason': ['HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx', { body: 'x' }],
  chunks: [`${CHUNKED}3\r\nabc\r\nA;ext="1"\r\n0123456789\r\n0\r\n\r\n`, { body: 'abc0123456789' }],
  trailers: [
    `${CHUNKED}1\r\nx\r\n0\r\nX-Sum: 42\r\nX-B:  c \r\n\r\n`,
    { body: 'x', trailers: ['X-Sum', '42', 'X-B', 'c'] },
  ],
  'hints before it': [`${HINT}${HINT}HTTP/1.1 100 Continue\r\n\r\n${OK}`, { interim: [103, 103, 100], body: 'hello' }],
  'the answer to HEAD': ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', { body: '' }, { bodiless: true }],
  'chunks that HEAD does not get': [CHUNKED, { body: '' }, { bodiless: true }],
  '204': ['HTTP/1.1 204 No Content\r\n\r\n', { body: '' }],
  '304': ['HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', { body: '' }],
  'the end of the connection': ['HTTP/1.1 200 OK\r\n\r\nuntil then', { body: 'until then' }, { closed: true }],
};

describe.each(Object.entries(WHOLE))('%s', (_name, [text, expected, how]) => {
  test('is whole however it is cut', () => {
    for (let at = 1; at < text.length; at += 1) {
      const found = parse([text.slice(0, at), text.slice(at)], how);
      expect(found).toMatchObject({ trailers: [], ...expected, surplus: false });
    }
    expect(parse([...text], how)).toMatchObject({ trailers: [], ...expected, surplus: false });
  });

  test('is not whole before its last byte', () => {
    expect(parse([text.slice(0, -1)], { ...how, closed: false }).trailers).toBeNull();
  });
});

test('names, values and the reason come as they were sent', () => {
  const { head } = parse([
    'HTTP/1.1 203 \xe9t\xe9 \x01\r\nX-One:\t a:b \t\r\nx-two:\xa0\r\nX-Empty:\r\nContent-Length: 0\r\n\r\n',
  ]);
  expect(head).toMatchObject({ status: 203, reason: '\xe9t\xe9 \x01' });
  expect(head?.fields).toEqual(['X-One', 'a:b', 'x-two', '\xa0', 'X-Empty', '', 'Content-Length', '0']);
});

test.each([
  ['HTTP/1.1 200 OK\r\nContent-Length: 0', true],
  ['HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive, Close', false],
  ['HTTP/1.0 200 OK\r\nContent-Length: 0', false],
  ['HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive', true],
  ['HTTP/1.1 200 OK', false],
])('%j: used again: %s', (head, reusable) => {
  expect(parse([`${head}\r\n\r\n`]).head?.reusable).toBe(reusable);
});

test('how long the instance keeps a connection is read', () => {
  const of = (value: string) => parse([`HTTP/1.1 200 OK\r\nKeep-Alive: ${value}\r\n\r\n`]).head?.keepAliveSeconds;
  expect(of('timeout=5, max=100')).toBe(5);
  expect(of('max=100')).toBeNull();
});

test('what comes behind an answer is no part of it', () => {
  expect(parse([`${OK}HTTP/1.1 200 OK\r\n`])).toMatchObject({ body: 'hello', surplus: true });
  expect(parse([`${CHUNKED}0\r\n\r\n\r\n`])).toMatchObject({ body: '', surplus: true });
});

test('a parser that was stopped reads nothing more', () => {
  const seen: string[] = [];
  const parser: AnswerParser = new AnswerParser(
    {
      interim: () => parser.stop(),
      head: () => void seen.push('head'),
      body: () => void seen.push('body'),
      ended: () => void seen.push('ended'),
    },
    MAX_HEADER,
  );
  parser.begin(false);
  parser.push(Buffer.from(HINT + OK));
  expect(seen).toEqual([]);
});

test.each([
  'HTTP/2.0 200 OK\r\n\r\n',
  'HTTP/1.1 20 OK\r\n\r\n',
  'HTTP/1.1 2000 OK\r\n\r\n',
  'hello\r\n\r\n',
  '\r\n\r\n',
  'HTTP/1.1 200 OK\r\nno colon\r\n\r\n',
  'HTTP/1.1 200 OK\r\nX : 1\r\n\r\n',
  'HTTP/1.1 200 OK\r\n: 1\r\n\r\n',
  'HTTP/1.1 200 OK\r\nX: 1\r\n folded\r\n\r\n',
  'HTTP/1.1 200 OK\r\nX: 1\nY: 2\r\n\r\n',
  'HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n',
  'HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
  'HTTP/1.1 204 No Content\r\nContent-Length: x\r\n\r\n',
  `${CHUNKED}\r\n`,
  `${CHUNKED}xyz\r\n`,
  `${CHUNKED}-1\r\n`,
  `${CHUNKED}0x1\r\n`,
  `${CHUNKED}1\nx`,
  `${CHUNKED}1\r\nxy\r\n`,
  `${CHUNKED}ffffffffffffff\r\n`,
  `${CHUNKED}0\r\nX : 1\r\n\r\n`,
])('%j is no answer', (text) => {
  expect(() => parse([text])).toThrow(AnswerError);
});

test.each([
  ['a header', `HTTP/1.1 200 OK\r\nX: ${'1'.repeat(MAX_HEADER)}\r\n\r\n`],
  ['a header without end', 'x'.repeat(MAX_HEADER + 1)],
  ['a line before a chunk', `${CHUNKED}1;${'e'.repeat(5_000)}`],
  ['trailers', `${CHUNKED}0\r\n${`X: ${'1'.repeat(500)}\r\n`.repeat(3)}`],
])('%s may not be as long as it likes', (_name, text) => {
  expect(() => parse([text])).toThrow(AnswerError);
});
