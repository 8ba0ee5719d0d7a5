// Files and folders that somebody drops or chooses, as a flat list.

/**
 * What was dropped: `{files: [{file, names}], folders: [names]}`, where `names` leads from the folder
 * that it is dropped on. Has to be called in the event itself, which forgets its items afterwards.
 */
export async function readDropped(transfer) {
  const roots = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const tree = { files: [], folders: [] };
  for (const root of roots) await collect(root, [], tree);
  return tree;
}

async function collect(entry, above, tree) {
  const names = [...above, entry.name];
  if (entry.isFile) {
    tree.files.push({ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), names });
    return;
  }
  tree.folders.push(names);
  const reader = entry.createReader();
  // A reader gives a hundred entries at a time.
  for (;;) {
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (batch.length === 0) return;
    for (const child of batch) await collect(child, names, tree);
  }
}

/** What was chosen in a field of files, or of a folder. */
export function readChosen(files) {
  const entries = [...files].map((file) => ({ file, names: (file.webkitRelativePath || file.name).split("/") }));
  const folders = new Map();
  for (const { names } of entries) {
    for (let length = 1; length < names.length; length += 1) folders.set(names.slice(0, length).join("/"), names.slice(0, length));
  }
  return { files: entries, folders: [...folders.values()] };
}
