import { passingFault, Refusal, refusalIn } from '../../../src/store/redis-refusals.js';

test.each([
  ['OOM command not allowed when used memory', /full/],
  ['READONLY You can', /replica/],
  ['LOADING Redis is loading the dataset in memory', /loading/],
  // As Redis 6.2 says it.
  ['ERR Error running script (call to f_1a2b): @user_script:17: @user_script: 17: -OOM command not allowed', /full/],
  ['ERR Error running script (call to f_1a2b): @user_script:3: @user_script: 3: -READONLY You can', /replica/],
])('%s is a fault that passes', (message, what) => {
  expect(passingFault(message)).toMatch(what);
});

test.each(['LEASE_LOST container/x', 'ERR unknown command', 'WRONGTYPE Operation', 'constructor', ''])(
  '"%s" is none',
  (message) => {
    expect(passingFault(message)).toBeNull();
  },
);

test('a refusal is told apart from any other fault, and stays what it is', () => {
  const refusal = refusalIn(new Error('WRONGPASS invalid username-password pair'));
  expect(refusal).toMatchObject({ what: 'Redis refuses our credentials', replica: false });
  expect(refusalIn(refusal)).toBe(refusal);
  expect(refusalIn(new Refusal('a', 'b', true))?.replica).toBe(true);
  expect(refusalIn(new Error('connect ECONNREFUSED'))).toBeNull();
});
