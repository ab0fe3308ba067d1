/** The files that were dropped or chosen, folders walked through. */

import type { Incoming } from './api.ts';

/** Call it while the drop event is handled: afterwards the browser forgets what was dropped. */
export async function droppedFiles(transfer: DataTransfer): Promise<Incoming[]> {
  const items = [...transfer.items].filter((item) => item.kind === 'file');
  const roots = items.map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
  const found: Incoming[] = [];
  for (const root of roots) {
    if (root instanceof File) found.push({ file: root, path: root.name });
    else if (root) await walk(root, found);
  }
  return found;
}

export function chosenFiles(input: HTMLInputElement): Incoming[] {
  const found = [...(input.files ?? [])].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
  // So that choosing the same files again is a change.
  input.value = '';
  return found.filter(({ file, path }) => path === file.name || !isHidden(file.name));
}

async function walk(entry: FileSystemEntry, found: Incoming[]): Promise<void> {
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    found.push({ file, path: entry.fullPath.slice(1) });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const read = () => new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
  // A reader gives its entries in portions, an empty one last.
  for (let entries = await read(); entries.length > 0; entries = await read()) {
    for (const child of entries) if (!isHidden(child.name)) await walk(child, found);
  }
}

/** What systems leave in folders: `.DS_Store` and its like. */
function isHidden(name: string): boolean {
  return name.startsWith('.');
}
