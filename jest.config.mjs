// Tests run as CommonJS through swc; `.js` suffixes of the sources are mapped away. The built ESM is smoke-run by its own test.
const base = {
  testEnvironment: 'node',
  // The build is the same tree once more, package.json included.
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/\\.dist\\.'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' }, module: { type: 'commonjs' } },
    ],
  },
  // Not the whole checkout: dist/ has a second package.json, and .longshore/ the file systems of running containers.
  roots: ['<rootDir>/src', '<rootDir>/gen', '<rootDir>/test'],
  globalSetup: '<rootDir>/test/support/jest-setup.mjs',
  globalTeardown: '<rootDir>/test/support/jest-teardown.mjs',
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
};
const project = (displayName, options = {}) => ({
  ...base,
  displayName,
  testMatch: [`<rootDir>/test/${displayName}/**/*.test.ts`],
  ...options,
});
export default {
  projects: [project('unit'), project('rpc'), project('integration'), project('chaos')],
  testSequencer: '<rootDir>/test/support/jest-sequencer.mjs',
  testTimeout: 120_000,
};
