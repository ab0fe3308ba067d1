// Serves the .eml files of a folder over POP3, to any mail client: what a client deletes is removed.
//
//   POPMAIL_PASSWORD=… node serve-folder.mjs --user me [--port 1110] [--cert c.pem --key k.pem] folder
//
// With a certificate it speaks TLS from the first octet; without one it listens for this machine alone.

import { createReadStream, readFileSync } from 'node:fs';
import { readFile, readdir, rm } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';

import { createServer } from 'popmail';

import { options } from './connect.mjs';

/** A maildrop is any object with these methods. */
class Folder {
  #files = [];

  constructor(path) {
    this.path = path;
  }

  async refresh() {
    const names = (await readdir(this.path)).filter((name) => name.endsWith('.eml')).sort();
    this.#files = await Promise.all(
      names.map(async (name) => {
        const text = await readFile(join(this.path, name), 'latin1');
        // The size as the client gets it: every line end is CRLF, the last one too.
        const octets = text.replace(/\r?\n/g, '\r\n').replace(/([^\n])$/, '$1\r\n').length;
        return { name, uid: createHash('sha256').update(name).digest('hex'), octets };
      }),
    );
  }

  entries() {
    return this.#files;
  }

  open(number) {
    return createReadStream(join(this.path, this.#files[number - 1].name));
  }

  async commit(deleted) {
    await Promise.all(deleted.map((number) => rm(join(this.path, this.#files[number - 1].name), { force: true })));
  }
}

const { user, port = '1110', cert, key, positionals } = options({ cert: { type: 'string' }, key: { type: 'string' } });
const [folder = '.'] = positionals;
const server = await createServer({
  accounts: { [user]: { password: process.env.POPMAIL_PASSWORD ?? '', maildrop: new Folder(folder) } },
  port: Number(port),
  ...(cert && key
    ? { host: '0.0.0.0', tls: { cert: readFileSync(cert), key: readFileSync(key) } }
    : { allowCleartext: true }),
  log: (level, text) => console.log(`${level}: ${text}`),
});
console.log(`serving ${folder} on ${server.host} port ${server.port}`);
process.once('SIGINT', () => server.close());
process.once('SIGTERM', () => server.close());
