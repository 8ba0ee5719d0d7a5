// Lints the pages' scripts (browser), and the edge and the tests' helpers (Node).

import js from "@eslint/js";
import globals from "globals";

// How a value came about, or which of several it is: not what it is. As in tests/test_house.py.
const NO_NOUNS = "asked|begun|bought|broken|brought|built|caught|chosen|done|drawn|each|found|given|gone|got|heard|held|kept|known|left|lost|made|meant|one|paid|said|seen|sent|shown|spoken|taken|told|tried|wanted|written";
const BINDINGS = [
  "VariableDeclarator > .id", ":function > .params", "CatchClause > .param", "ArrayPattern > .elements",
  "ObjectPattern > Property > .value", "AssignmentPattern > .left", "RestElement > .argument",
];

const rules = {
  "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
  "no-var": "error",
  "prefer-const": "error",
  eqeqeq: ["error", "always", { null: "ignore" }],
  "no-eval": "error",
  "no-implied-eval": "error",
  "no-new-func": "error",
  "no-shadow": "error",
  "no-restricted-syntax": ["error", {
    selector: `:matches(${BINDINGS.join(", ")})[name=/^(${NO_NOUNS})$/]`,
    message: "Call it by what it holds.",
  }],
};

export default [
  { ignores: [".venv*/**", "**/node_modules/**", "rosetta_hub/web/static/bundled/**", "build/**", ".demo/**", ".cache/**", "docker/**/www/**"] },
  js.configs.recommended,
  { rules },
  { files: ["**/*.js"], languageOptions: { sourceType: "module", globals: globals.browser } },
  { files: ["**/*.mjs"], languageOptions: { sourceType: "module", globals: globals.node } },
];
