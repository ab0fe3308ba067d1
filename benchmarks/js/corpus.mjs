// The classes of mail of ../corpus.py, as files: the same bytes for every language.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

export const ROOT = at('../../');
/** Below `ROOT`. */
export const FOLDER = 'target/bench-corpus/';

/** Writes the files. Returns the names of those of each class. */
export function writeCorpus() {
  const venv = `${ROOT}.venv/bin/python`;
  execFileSync(existsSync(venv) ? venv : 'python3', [at('write_corpus.py'), `${ROOT}${FOLDER}`]);
  return JSON.parse(readFileSync(`${ROOT}${FOLDER}classes.json`, 'utf8'));
}

/** The name and the version of a package that is measured. */
export function peer(name) {
  const { version } = JSON.parse(readFileSync(at(`node_modules/${name}/package.json`), 'utf8'));
  return `${name} ${version}`;
}
