// The editor of text files: CodeMirror with the languages that are met on computing resources, each
// of which is a file of its own.

import { basicSetup } from "codemirror";
import { HighlightStyle, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { Compartment, EditorState } from "@codemirror/state";
import { EditorView, keymap } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const legacy = (load, name) => async () => StreamLanguage.define((await load())[name]);

const clike = () => import("@codemirror/legacy-modes/mode/clike");
const javascript = () => import("@codemirror/legacy-modes/mode/javascript");
const shell = legacy(() => import("@codemirror/legacy-modes/mode/shell"), "shell");
const fortran = legacy(() => import("@codemirror/legacy-modes/mode/fortran"), "fortran");
const properties = legacy(() => import("@codemirror/legacy-modes/mode/properties"), "properties");
const yaml = async () => (await import("@codemirror/lang-yaml")).yaml();
const json = async () => (await import("@codemirror/lang-json")).json();
const markup = legacy(() => import("@codemirror/legacy-modes/mode/xml"), "xml");

const LANGUAGES = {
  py: async () => (await import("@codemirror/lang-python")).python(),
  md: async () => (await import("@codemirror/lang-markdown")).markdown(),
  json, ipynb: json, yml: yaml, yaml,
  sh: shell, bash: shell, env: shell, bashrc: shell, profile: shell,
  f: fortran, f90: fortran, f95: fortran, for: fortran,
  ini: properties, cfg: properties, conf: properties,
  toml: legacy(() => import("@codemirror/legacy-modes/mode/toml"), "toml"),
  r: legacy(() => import("@codemirror/legacy-modes/mode/r"), "r"),
  jl: legacy(() => import("@codemirror/legacy-modes/mode/julia"), "julia"),
  tex: legacy(() => import("@codemirror/legacy-modes/mode/stex"), "stex"),
  c: legacy(clike, "c"), h: legacy(clike, "c"), cc: legacy(clike, "cpp"), cpp: legacy(clike, "cpp"), hpp: legacy(clike, "cpp"),
  js: legacy(javascript, "javascript"), mjs: legacy(javascript, "javascript"), ts: legacy(javascript, "typescript"),
  css: legacy(() => import("@codemirror/legacy-modes/mode/css"), "css"),
  xml: markup, html: markup, svg: markup,
};

// The colours are variables of the page, which knows light and dark.
const HIGHLIGHTS = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: "var(--code-keyword)" },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: "var(--code-string)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: "var(--code-number)" },
  { tag: [tags.comment, tags.meta], color: "var(--code-comment)", fontStyle: "italic" },
  { tag: [tags.function(tags.variableName), tags.function(tags.definition(tags.variableName)), tags.typeName, tags.className], color: "var(--code-name)" },
  { tag: [tags.heading, tags.strong], fontWeight: "bold" },
  { tag: tags.emphasis, fontStyle: "italic" },
  { tag: [tags.link, tags.url], textDecoration: "underline" },
  { tag: [tags.propertyName, tags.attributeName, tags.tagName], color: "var(--code-name)" },
]);

const THEME = EditorView.theme({
  "&": { backgroundColor: "transparent", color: "inherit", fontSize: "0.9375rem", height: "100%" },
  ".cm-scroller": { fontFamily: "var(--bs-font-monospace)", lineHeight: "1.5" },
  ".cm-content": { caretColor: "currentcolor" },
  ".cm-cursor": { borderLeftColor: "currentcolor" },
  ".cm-gutters": { backgroundColor: "transparent", borderRightColor: "var(--r-line)", color: "var(--r-faint)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--r-accent) 7%, transparent)" },
  "&.cm-focused": { outline: "none" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "color-mix(in srgb, var(--r-accent) 30%, transparent)" },
  ".cm-panels": { backgroundColor: "var(--r-sunken)", color: "inherit" },
  ".cm-tooltip": { backgroundColor: "var(--r-surface)", borderColor: "var(--r-line)" },
});

/**
 * An editor in a shadow root, where its styles need no exception from the page's policy.
 * `name` is the file's; `lineSeparator` is its own, so that lines come out as they went in.
 * `onChange()` and `onSave()` are called for what they say.
 */
export function createEditor(parent, { text, name, lineSeparator, isReadOnly, label, onChange, onSave }) {
  const root = parent.attachShadow({ mode: "open" });
  const language = new Compartment();
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: text,
      extensions: [
        keymap.of([{ key: "Mod-s", preventDefault: true, run: () => (onSave(), true) }]),
        basicSetup,
        syntaxHighlighting(HIGHLIGHTS),
        THEME,
        language.of([]),
        EditorState.lineSeparator.of(lineSeparator),
        EditorState.readOnly.of(isReadOnly),
        EditorView.contentAttributes.of({ "aria-label": label }),
        EditorView.updateListener.of((update) => update.docChanged && onChange()),
      ],
    }),
  });
  const load = LANGUAGES[name.toLowerCase().split(".").at(-1)];
  load?.().then((support) => view.dispatch({ effects: language.reconfigure(support) }));
  return view;
}
