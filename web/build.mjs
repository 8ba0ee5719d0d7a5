// Bundles what the pages use of third parties: `node build.mjs DIRECTORY`.
//
// Each file of src/ becomes a module, which a page imports when it needs it. The licences of all that
// got into them are collected in LICENSES.txt.

import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const PACKAGE = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//;

async function bundle(target) {
  const sources = (await readdir(join(HERE, "src"))).sort();
  const { metafile } = await build({
    absWorkingDir: HERE,
    entryPoints: sources.map((name) => `src/${name}`),
    outdir: target,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    legalComments: "none",
    metafile: true,
  });
  const packages = Object.keys(metafile.inputs).map((path) => PACKAGE.exec(path)?.[1]);
  return [...new Set(packages.filter(Boolean))].sort();
}

async function licenceOf(name) {
  const folder = join(HERE, "node_modules", name);
  const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).sort();
  if (files.length === 0 && !license) throw new Error(`${name} has no licence.`);
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
  return `${name} ${version} (${license})\n\n${texts.join("\n\n").trim()}\n`;
}

const [target] = process.argv.slice(2);
if (!target) throw new Error("Name the directory that the bundle goes to.");
await rm(target, { recursive: true, force: true });
const packages = await bundle(target);
const licences = await Promise.all(packages.map(licenceOf));
await writeFile(join(target, "LICENSES.txt"), licences.join(`\n${"-".repeat(80)}\n\n`));
