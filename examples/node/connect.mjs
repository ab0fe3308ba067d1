// What the examples share: a session from the command line and the environment.
//
//   --host pop.example.com --user me [--port 995] [--tls starttls] [--ca authority.pem]
//
// The password is taken from POPMAIL_PASSWORD, so that no list of processes shows it. Ctrl-C ends the
// session in order: what is under way is let go, and nothing is deleted.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { Pop3 } from 'popmail';

export function options(more = {}) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      host: { type: 'string' },
      port: { type: 'string' },
      user: { type: 'string' },
      tls: { type: 'string', default: 'implicit' },
      ca: { type: 'string' },
      ...more,
    },
  });
  return { ...values, positionals };
}

/** A session; `socket` is a connection that is open already, or opens one. */
export function connect({ host, port, user, tls, ca, socket }) {
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  return Pop3.connect({
    host,
    user,
    password: process.env.POPMAIL_PASSWORD ?? '',
    tls,
    signal: interrupted.signal,
    ...(socket && { socket }),
    ...(port && { port: Number(port) }),
    ...(ca && { tlsOptions: { ca: readFileSync(ca) } }),
  });
}
