// Write the analyzer of the package, and the licences of what is bundled in it: `python -m nox -s analyzer`.
//
// With a folder as argument, write both files there.

import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { build } from "esbuild";

const here = import.meta.dirname;
const target = process.argv[2] ?? join(here, "../../rocketchat_integrations/scripts");

const { outputFiles, metafile } = await build({
  absWorkingDir: here,
  entryPoints: ["analysis.js"],
  bundle: true,
  format: "iife",
  globalName: "analyzer",
  target: "es2022",
  charset: "utf8",
  legalComments: "none", // the licences are in a file of their own
  minifyWhitespace: true, // without the comments of the packages
  lineLimit: 120,
  metafile: true,
  write: false,
});

const names = Object.keys(metafile.inputs).map((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]);
const packages = [...new Set(names.filter(Boolean))].sort().map(describe);

const list = packages.map(({ name, version, license }) => `//   ${name} ${version} (${license})`).join("\n");
const head = `// Made by tools/script_analysis/build.js; do not edit. Bundled, with licences in analyzer.LICENSES.txt:\n${list}\n`;
writeFileSync(join(target, "analyzer.js"), head + outputFiles[0].text);

const licenses = packages.map(({ name, version, text }) => `${name} ${version}\n${"=".repeat(72)}\n\n${text.trim()}\n`);
writeFileSync(join(target, "analyzer.LICENSES.txt"), `Licences of the packages in analyzer.js.\n\n${licenses.join("\n\n")}`);

function describe(name) {
  const folder = join(here, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return { name, version, license, text: licenseText(folder) };
}

// Return the licence file's text, or the section of the readme where a package has no such file.
function licenseText(folder) {
  const file = readdirSync(folder).find((name) => /^licen[sc]e/i.test(name));
  if (file) return readFileSync(join(folder, file), "utf8");
  const section = /^#+ Licen[sc]e\n([^]*?Copyright[^]*)/im.exec(readFileSync(join(folder, "README.md"), "utf8"));
  if (!section) throw new Error(`no licence found in ${folder}`);
  return section[1];
}
