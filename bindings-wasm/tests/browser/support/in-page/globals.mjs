// What Node's globals are to the drivers of the vectors, for a page.

import { Buffer as PageBuffer } from 'buffer/';

const pageProcess = { env: { POPMAIL_SEED: new URL(location.href).searchParams.get('seed') ?? '1' }, emitWarning() {} };

export { PageBuffer as Buffer, pageProcess as process };
