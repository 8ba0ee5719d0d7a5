// Files and folders that somebody drops or chooses, as a flat list.

/**
 * What was dropped: `{files: [{file, names}], folders: [names]}`, where `names` leads from the folder
 * that it is dropped on. Has to be called in the event itself, which forgets its items afterwards.
 */
export async function readDropped(transfer) {
  const roots = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const found = { files: [], folders: [] };
  for (const root of roots) await collect(root, [], found);
  return found;
}

async function collect(entry, above, found) {
  const names = [...above, entry.name];
  if (entry.isFile) {
    found.files.push({ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), names });
    return;
  }
  found.folders.push(names);
  const reader = entry.createReader();
  // A reader gives a hundred entries at a time.
  for (;;) {
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (batch.length === 0) return;
    for (const child of batch) await collect(child, names, found);
  }
}

/** What was chosen in a field of files, or of a folder. */
export function readChosen(files) {
  const found = [...files].map((file) => ({ file, names: (file.webkitRelativePath || file.name).split("/") }));
  const folders = new Map();
  for (const { names } of found) {
    for (let length = 1; length < names.length; length += 1) folders.set(names.slice(0, length).join("/"), names.slice(0, length));
  }
  return { files: found, folders: [...folders.values()] };
}
