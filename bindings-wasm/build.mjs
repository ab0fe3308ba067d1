// Builds the package: the WebAssembly modules, the JavaScript, the types.
//
//   node build.mjs           all of it
//   node build.mjs wasm      the modules alone, into target/wasm
//   node build.mjs face      the JavaScript and the types alone, into dist
//
// std is built with it, for its size: from the sources that rustup adds to rustc, else with Debian's
// rustc-web and its sources, unpacked under target/. What is up to date is not made again.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { shrink } from './shrink.mjs';

const here = dirname(fileURLToPath(import.meta.url));
process.chdir(here);
const TARGET = 'wasm32-unknown-unknown';
const target = join(here, '../target');
const work = join(target, 'wasm');
const tools = join(target, 'tools');
const BINDGEN = /wasm-bindgen = "=([\d.]+)"/.exec(readFileSync('Cargo.toml', 'utf8'))[1];

/**
 * The files: the cargo features of each, and how they are compiled: small before fast. At these settings every class
 * of mail is still read at many times the speed of others; the largest file is fetched by those who want all.
 */
const MODULES = {
  popmail: { features: 'client,mime', level: 'z' },
  'popmail-extra': { features: 'extra', level: 's' },
  'popmail-server': { features: 'server', level: 'z' },
};
const RUSTUP_MILLISECONDS = 120_000;

function run(program, args, options = {}) {
  return execFileSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options });
}

function read(program, args, options = {}) {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options }).trim();
}

/** What cargo needs to build for the target, std included: flags and environment. */
function toolchain() {
  const env = {
    RUSTC_BOOTSTRAP: '1',
    // A panic ends the instance either way, and the face says so: no messages in the file.
    CARGO_PROFILE_RELEASE_PANIC: 'immediate-abort',
    RUSTFLAGS: '-Zlocation-detail=none -Zfmt-debug=none -Ctarget-feature=+simd128 --cfg sha2_backend_soft="compact"',
  };
  if (!hasSources()) {
    const root = debianToolchain();
    Object.assign(env, {
      LD_LIBRARY_PATH: join(root, 'usr/lib/x86_64-linux-gnu'),
      RUSTC: join(root, 'usr/bin/rustc'),
      CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER: join(root, 'usr/bin/rust-lld'),
    });
  }
  return { args: ['-Zbuild-std=std,panic_abort', '-Zbuild-std-features=optimize_for_size', '-Zpanic-immediate-abort'], env };
}

/** Whether rustc has the sources of std; where rustup can, it brings them. */
function hasSources() {
  const has = () => existsSync(join(read('rustc', ['--print', 'sysroot']), 'lib/rustlib/src/rust/library/std'));
  if (!has() && !existsSync(join(target, 'wasm-toolchain/complete'))) {
    try {
      run('rustup', ['component', 'add', 'rust-src'], { timeout: RUSTUP_MILLISECONDS, stdio: 'ignore' });
    } catch {
      // No rustup, or it cannot reach what it needs.
    }
  }
  return has();
}

/** Debian's rustc for WebAssembly and its sources of std, unpacked where nothing needs root. */
function debianToolchain() {
  const root = join(target, 'wasm-toolchain');
  const stamp = join(root, 'complete');
  if (existsSync(stamp)) {
    return root;
  }
  const needed = (name, pattern) => {
    const found = read('apt-cache', ['depends', name]).match(pattern);
    if (!found) {
      throw new Error(`no toolchain for ${TARGET}: rustup has none, and the package lists lack ${name}`);
    }
    return found[0];
  };
  const std = needed('libstd-rust-web-dev', /libstd-rust-web-[\d.]+/);
  const llvm = needed(std, /libllvm(\d+)/);
  const version = llvm.replace('libllvm', '');
  const packages = ['rustc-web', std, 'libstd-rust-web-dev', 'rust-web-src', llvm, `lld-${version}`, `liblld-${version}`];
  const cache = join(root, 'packages');
  rmSync(root, { recursive: true, force: true });
  mkdirSync(cache, { recursive: true });
  run('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', ...packages], { cwd: cache });
  for (const file of readdirSync(cache)) {
    run('dpkg', ['-x', join(cache, file), root]);
  }
  rmSync(cache, { recursive: true });
  symlinkSync(`lld-${version}`, join(root, 'usr/bin/rust-lld'));
  writeFileSync(stamp, `${packages.join(' ')}\n`);
  return root;
}

function bindgen() {
  const program = join(tools, 'bin/wasm-bindgen');
  const isRight = () => {
    try {
      return read(program, ['--version']).endsWith(` ${BINDGEN}`);
    } catch {
      return false;
    }
  };
  if (!isRight()) {
    run('cargo', ['install', 'wasm-bindgen-cli', '--version', BINDGEN, '--root', tools], {
      env: { ...process.env, CARGO_TARGET_DIR: join(target, 'tools-build') },
    });
  }
  return program;
}

function buildModules() {
  const sources = hashOf(['../Cargo.toml', '../Cargo.lock', '../core', '../simd', 'src', 'Cargo.toml', 'build.mjs', 'shrink.mjs']);
  const stamp = join(work, 'stamp');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === sources) {
    return;
  }
  rmSync(stamp, { force: true });
  const { args, env } = toolchain();
  const locked = process.env.CI ? ['--locked'] : [];
  for (const [name, { features, level }] of Object.entries(MODULES)) {
    const folder = join(work, name);
    run(
      'cargo',
      ['build', '-p', 'popmail-wasm', '--release', '--target', TARGET, '--ignore-rust-version', ...locked, ...args, '--no-default-features', '--features', features, ...FASTER],
      {
        env: {
          ...process.env,
          CARGO_PROFILE_RELEASE_LTO: 'fat',
          CARGO_PROFILE_RELEASE_OPT_LEVEL: level,
          ...env,
          CARGO_TARGET_DIR: join(work, 'cargo'),
        },
      },
    );
    const built = join(work, 'cargo', TARGET, 'release/popmail_wasm.wasm');
    mkdirSync(folder, { recursive: true });
    const glue = ['--target', 'web', '--omit-default-module-path', '--no-typescript', '--remove-producers-section'];
    run(bindgen(), [...glue, '--experimental-reset-state-function', '--out-dir', folder, '--out-name', 'glue', built]);
    shrink(join(folder, 'glue_bg.wasm'));
    const enable = PROPOSALS.map((proposal) => `--enable-${proposal}`);
    run('node_modules/.bin/wasm-opt', [...WASM_OPT, ...enable, join(folder, 'glue_bg.wasm'), '-o', join(folder, `${name}.wasm`)]);
    rmSync(join(folder, 'glue_bg.wasm'));
  }
  writeFileSync(stamp, sources);
}

/** A hash of files, and of those in folders, that shape a module. */
function hashOf(paths) {
  const hash = createHash('sha256');
  const add = (path) => {
    if (statSync(path).isDirectory()) {
      const names = readdirSync(path).filter((name) => !['fuzz', 'target', 'tests'].includes(name));
      names.sort().forEach((name) => add(join(path, name)));
    } else {
      hash.update(path).update('\0').update(readFileSync(path));
    }
  };
  paths.forEach(add);
  return hash.digest('hex');
}

/** What rustc uses of WebAssembly; every browser of the last years has it. */
const PROPOSALS = [
  'bulk-memory',
  'nontrapping-float-to-int',
  'sign-ext',
  'mutable-globals',
  'reference-types',
  'multivalue',
  'simd',
];
/** What every octet of a body goes through is never compiled for size alone. */
const FASTER = ['--config', 'profile.release.package.encodify.opt-level="s"'];
const WASM_OPT = ['--flatten', '--rereloop', '-Oz', '-Oz', '--low-memory-unused', '--strip-target-features'];

async function buildFace() {
  const [{ build }, { rollup }, { dts }] = await Promise.all([
    import('esbuild'),
    import('rollup'),
    import('rollup-plugin-dts'),
  ]);
  rmSync('dist', { recursive: true, force: true });
  mkdirSync('dist');
  // What `json()` and `details` are, for programs that check it.
  cpSync('../schema', 'dist/schema', { recursive: true });
  for (const license of ['LICENSE-APACHE', 'LICENSE-MIT']) {
    copyFileSync(`../${license}`, license);
  }
  const module = (name) => join(work, name, `${name}.wasm`);
  for (const name of Object.keys(MODULES)) {
    copyFileSync(module(name), `dist/${name}.wasm`);
  }
  await build({
    entryPoints: ENTRIES,
    outdir: 'dist',
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    external: ['node:*'],
    alias: {
      'popmail-glue': join(work, 'popmail/glue.js'),
      'popmail-server-glue': join(work, 'popmail-server/glue.js'),
      'popmail-extra-glue': join(work, 'popmail-extra/glue.js'),
      'popmail-host': join(here, 'ts/host.ts'),
    },
    logLevel: 'warning',
    plugins: [
      {
        name: 'base64',
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /^popmail-base64$/ }, () => ({ path: module('popmail'), namespace: 'base64' }));
          onLoad({ filter: /.*/, namespace: 'base64' }, ({ path }) => ({
            contents: `export default ${JSON.stringify(readFileSync(path).toString('base64'))}`,
            loader: 'js',
          }));
        },
      },
    ],
  });
  for (const [entry, input] of Object.entries(ENTRIES)) {
    const bundle = await rollup({ input, plugins: [dts()], external: /^node:|^popmail-/ });
    await bundle.write({ file: `dist/${entry}.d.ts`, format: 'es' });
    await bundle.close();
  }
}

const ENTRIES = {
  index: 'ts/index.ts',
  node: 'ts/node.ts',
  inline: 'ts/inline.ts',
  server: 'ts/server-entry.ts',
  'server-node': 'ts/server-entry-node.ts',
  extra: 'ts/extra-entry.ts',
  'extra-node': 'ts/extra-entry-node.ts',
  compat: 'ts/compat-entry.ts',
};

const [only] = process.argv.slice(2);
if (only !== 'face') {
  buildModules();
}
if (only !== 'wasm') {
  await buildFace();
}
