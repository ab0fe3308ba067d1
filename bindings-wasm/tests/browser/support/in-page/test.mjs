// `node:test` for a page: the tests that are defined, to be run one by one.

export const tests = [];

export function test(name, ...given) {
  tests.push({ name, run: given.at(-1) });
}
