// configurable-http-proxy as a library: one tunnel to load its CommonJS (4.x) and ES module (5.x) forms.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(import.meta.url);

/** The class ConfigurableProxy of the package whose root folder is given. */
export async function loadConfigurableProxy(root) {
  const module = await import(pathToFileURL(require.resolve(root)).href);
  return module.ConfigurableProxy ?? module.default.ConfigurableProxy;
}
