// Moving and copying entries to another folder, with a question where a name is taken.

import { askConflict } from "./dialogs.js";
import { rename, startCopy } from "./files_api.js";
import { displayName, encodeName, isWithin, joinPath, lastPart, parentPath } from "./paths.js";

const MOST_TRIES = 100;

/** Moves within a storage: the number of entries that were moved. */
export async function moveEntries(storage, paths, folder) {
  let moved = 0;
  let choiceForAll = null;
  for (const [index, path] of paths.entries()) {
    if (isWithin(folder, path)) throw new Error(`“${displayName(lastPart(path))}” can't be moved into itself. Choose another folder.`);
    if (parentPath(path) === folder) continue;
    const ask = async () => {
      const answer = choiceForAll ? { choice: choiceForAll, forAll: true } : await askConflict({ name: displayName(lastPart(path)), others: paths.length - index - 1 });
      if (answer.forAll) choiceForAll = answer.choice;
      return answer.choice;
    };
    if (await moveEntry(storage, path, folder, ask)) moved += 1;
  }
  return moved;
}

async function moveEntry(storage, path, folder, ask) {
  const target = joinPath(folder, lastPart(path));
  try {
    await rename(storage.id, path, target);
    return true;
  } catch (error) {
    if (error.status !== 409) throw error;
  }
  const choice = await ask();
  if (choice === "skip") return false;
  if (choice === "overwrite") await rename(storage.id, path, target, true);
  else await renameFree(storage, path, folder);
  return true;
}

/** To the first name that is free: `a.txt`, `a (2).txt`, `a (3).txt`. */
async function renameFree(storage, path, folder) {
  for (let number = 2; number < MOST_TRIES; number += 1) {
    try {
      await rename(storage.id, path, joinPath(folder, numbered(lastPart(path), number)));
      return;
    } catch (error) {
      if (error.status !== 409) throw error;
    }
  }
  throw new Error("There are too many files of this name. Rename it first.");
}

/** A part of a path with a number before its ending. */
function numbered(part, number) {
  const dot = part.lastIndexOf(".");
  const [stem, ending] = dot > 0 ? [part.slice(0, dot), part.slice(dot)] : [part, ""];
  return `${stem}${encodeName(` (${number})`)}${ending}`;
}

/** Starts a copy to a folder of this or of another storage; null where the user would rather not. */
export async function copyEntries(from, paths, to, folder) {
  const source = { storage: from.id, paths };
  const target = { storage: to.id, path: folder };
  const isHere = from.id === to.id && paths.every((path) => parentPath(path) === folder);
  try {
    return await startCopy(source, target, isHere ? "rename" : null);
  } catch (error) {
    const conflicts = error.data?.conflicts;
    if (error.status !== 409 || !conflicts?.length) throw error;
    const choice = await askAboutAll(conflicts, error.data.total);
    return choice ? startCopy(source, target, choice) : null;
  }
}

async function askAboutAll(conflicts, total) {
  const name = displayName(lastPart(conflicts[0]));
  const text = total > 1 ? `It and ${total - 1} more are in the target already. What is chosen counts for all of them.` : undefined;
  return (await askConflict({ name, others: 0, text, cancel: true })).choice;
}
