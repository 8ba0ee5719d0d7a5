// Lints the pages' scripts (browser), and the edge and the tests' helpers (Node).

import js from "@eslint/js";
import globals from "globals";

const rules = {
  "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
  "no-var": "error",
  "prefer-const": "error",
  eqeqeq: ["error", "always", { null: "ignore" }],
  "no-eval": "error",
  "no-implied-eval": "error",
  "no-new-func": "error",
  "no-shadow": "error",
};

export default [
  { ignores: [".venv*/**", "**/node_modules/**", "rosetta_hub/web/static/bundled/**", "build/**", ".demo/**", ".cache/**", "docker/**/www/**"] },
  js.configs.recommended,
  { rules },
  { files: ["**/*.js"], languageOptions: { sourceType: "module", globals: globals.browser } },
  { files: ["**/*.mjs"], languageOptions: { sourceType: "module", globals: globals.node } },
];
