import { Ledger } from '../../../chaos/ledger.js';
import { failedWith, open, operation, record } from '../../support/chaos/records.js';

/** With the operation `o1` acknowledged. */
function ledgerWith() {
  const ledger = new Ledger();
  const one = record([]);
  const entry = open('o1');
  ledger.created(one);
  ledger.acknowledged(one, entry);
  return { ledger, one, entry, said: () => ledger.violations.map(({ what }) => what) };
}

/** After what was read until now. */
const LATER = Number.POSITIVE_INFINITY;

describe('an operation that was acknowledged', () => {
  it('is noted with its container', () => {
    const { ledger, one, entry, said } = ledgerWith();
    ledger.acknowledged(one, open('o2'));
    expect(one.entries).toEqual([entry, open('o2')]);
    expect([...ledger.entries]).toEqual(one.entries);
    expect(said()).toEqual([]);
  });

  it('is not the answer to another request too', () => {
    const { ledger, one, said } = ledgerWith();
    ledger.acknowledged(one, open('o1', { method: 'Rollback' }));
    expect(said()).toEqual(['operation o1 was the answer to two different requests, DeployRevision and Rollback']);
  });
});

describe('an operation that is read', () => {
  it.each([
    ['with a response', {}],
    ['with an error', failedWith(9)],
    ['with a response that is empty', { response: { type_url: 't', value: Buffer.alloc(0) } }],
  ])('may change until its end, and ends %s', (_with, part) => {
    const { ledger, entry, said } = ledgerWith();
    const running = { done: false, response: null };
    ledger.read(entry, operation('o1', { ...running, description: 'waits' }), 1);
    ledger.read(entry, operation('o1', { ...running, description: 'pulls' }), 2);
    expect(entry.end).toBeNull();
    ledger.read(entry, operation('o1', part), 3);
    expect(entry.end?.operation).toEqual(operation('o1', part));
    ledger.read(entry, operation('o1', part), LATER);
    expect(said()).toEqual([]);
  });

  it.each([
    ['it is open again', { done: false }],
    ['it has another result', failedWith(9)],
    ['its response has other bytes', { response: { type_url: 't', value: Buffer.from('o2') } }],
    ['its metadata have other bytes', { metadata: { type_url: 'm', value: Buffer.alloc(0) } }],
    ['its time is another', { modified_at: { seconds: 111, nanos: 0 } }],
  ])('never changes after its end: %s', (_what, part) => {
    const { ledger, entry, said } = ledgerWith();
    ledger.read(entry, operation('o1'), 1);
    ledger.read(entry, operation('o1', part), LATER);
    expect(said()).toEqual([expect.stringMatching(/^operation o1 changed after its end:\n {2}\{.*\}\n {2}\{.*\}$/)]);
  });

  it('may be as before its end where it was asked for before that', () => {
    const { ledger, entry, said } = ledgerWith();
    ledger.read(entry, operation('o1'), 1);
    ledger.read(entry, operation('o1', { done: false, response: null }), entry.end?.at ?? LATER);
    expect(said()).toEqual([]);
  });

  it.each([
    ['both', { error: { code: 9, message: 'no' } }, 'operation o1 has an error and a response'],
    ['none', { response: null }, 'operation o1 ended with neither an error nor a response'],
  ])('does not end with %s of error and response', (_what, part, fault) => {
    const { ledger, entry, said } = ledgerWith();
    ledger.read(entry, operation('o1', part), 1);
    expect(said()).toEqual([fault]);
  });
});

test('the same words are a violation once', () => {
  const { ledger, said } = ledgerWith();
  for (const what of ['a', 'b', 'a']) ledger.violation(what);
  expect(said()).toEqual(['a', 'b']);
});
