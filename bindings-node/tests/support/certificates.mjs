// Certificates that exist for one run: made by the program openssl, trusted by nobody else.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate for `localhost` and `127.0.0.1`, and its key, in files of that folder. */
export function makeCertificate(folder) {
  const cert = join(folder, 'certificate.pem');
  const key = join(folder, 'key.pem');
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1';
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync(
    'openssl',
    ['req', '-x509', ...kind, '-subj', '/CN=popmail test', '-addext', names, '-keyout', key, '-out', cert],
    { stdio: 'ignore' },
  );
  return { cert, key };
}

/** The same as text. */
export function certificate() {
  const folder = mkdtempSync(join(tmpdir(), 'popmail-certificate-'));
  try {
    const { cert, key } = makeCertificate(folder);
    return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
