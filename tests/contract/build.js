// Bundle the validators of published versions, one program for each: build/VERSION.cjs.
//
// `node build.js` bundles the versions in package.json, which `npm ci` has installed. `node build.js 9.0.0` gets that
// version from npm into a temporary folder, so that package.json and package-lock.json stay as they are.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { buildSync } from 'esbuild';

const PACKAGE = '@rocket.chat/rest-typings';
const HERE = fileURLToPath(new URL('.', import.meta.url));
const { dependencies, overrides } = JSON.parse(readFileSync(join(HERE, 'package.json'), 'utf8'));

function bundle(version, installed) {
  buildSync({
    entryPoints: [join(HERE, 'validators.js')],
    outfile: join(HERE, 'build', `${version}.cjs`),
    absWorkingDir: HERE,
    alias: { [PACKAGE]: installed },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'warning',
    logOverride: { 'import-is-undefined': 'silent' }, // older versions have fewer validators
  });
}

function download(version, folder) {
  const manifest = { private: true, dependencies: { [PACKAGE]: version }, overrides };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  const options = ['--ignore-scripts', '--engine-strict=false', '--no-audit', '--no-fund', '--loglevel=error'];
  const npm = spawnSync('npm', ['install', ...options], { cwd: folder, encoding: 'utf8' });
  if (npm.status !== 0) {
    const said = npm.error?.message ?? npm.stderr.trim();
    throw new Error(`cannot get ${PACKAGE} ${version} from npm, which says:\n${said}`);
  }
  return join(folder, 'node_modules', PACKAGE);
}

function bundleFromNpm(version) {
  if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)) {
    throw new Error(`${version} is not a version: give a complete one such as 9.0.0`);
  }
  const folder = mkdtempSync(join(tmpdir(), 'rest-typings-'));
  try {
    bundle(version, download(version, folder));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const [wanted] = process.argv.slice(2);
try {
  if (wanted === undefined) {
    const aliases = Object.keys(dependencies);
    aliases.forEach((alias) => bundle(alias.replace('rest-typings-', ''), alias));
  } else {
    bundleFromNpm(wanted);
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
