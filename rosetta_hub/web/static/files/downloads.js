// Downloads: a file as it is, a selection or a folder as one archive whose size is told first.

import { h } from "../dom.js";
import { bytes } from "../format.js";
import { openDialog } from "../dialogs.js";
import { isFile, plural } from "./entries.js";
import { downloadUrl, makeArchive } from "./files_api.js";

/** Has the browser download an address. */
function fetchFile(url) {
  const link = h("a", { href: url, download: "", hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
}

export async function downloadEntries(storage, entries) {
  if (entries.length === 1 && isFile(entries[0])) {
    fetchFile(downloadUrl(storage.id, entries[0].path));
    return;
  }
  const paths = entries.map((entry) => entry.path);
  const { files, bytes: size } = await makeArchive(storage.id, paths, "zip");
  const format = await openDialog({
    title: `Download ${plural(files, "file")}, ${bytes(size)}?`,
    body: [h("p", {}, "They come as one archive, which is made while it is sent. Zip opens everywhere; tar keeps links and permissions.")],
    buttons: [
      { value: "zip", label: "Download zip", kind: "primary" },
      { value: "tar", label: "Download tar", kind: "outline-secondary" },
      { value: "", label: "Cancel", kind: "outline-secondary" },
    ],
  });
  // The ticket of the first request may be too old by now.
  if (format) fetchFile((await makeArchive(storage.id, paths, format)).url);
}
