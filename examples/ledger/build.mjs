// Rebuilds the modules of this directory from their sources, with the compiler of testdata/motoko:
//     (cd ../../testdata/motoko && npm ci) && node build.mjs
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';

process.chdir(path.dirname(new URL(import.meta.url).pathname));
const require = createRequire(path.resolve('../../testdata/motoko/rebuild.mjs'));
const names = process.argv.length > 2 ? process.argv.slice(2) : ['ledger', 'ledger-v2', 'ledger-broken', 'teller'];

if (names.length > 1) {
  // What the compiler makes depends a little on what it made before: a fresh process for each.
  for (const name of names) execFileSync(process.execPath, ['build.mjs', name], { stdio: 'inherit' });
} else {
  const bundle = require('./node_modules/motoko-64/versions/latest/moc.min.js');
  const moc = bundle.Motoko ?? globalThis.Motoko;
  moc.gcFlags('enhancedOP');
  moc.gcFlags('incremental');
  const source = `${names[0]}.mo`;
  moc.saveFile(source, fs.readFileSync(source, 'utf8'));
  moc.setPublicMetadata?.(['candid:service', 'candid:args', 'motoko:stable-types']);
  const result = moc.compileWasm('ic', source);
  if (!result.code) {
    for (const d of result.diagnostics) console.error(`${d.source}:${d.range.start.line + 1}: ${d.message}`);
    process.exit(1);
  }
  fs.writeFileSync(`${names[0]}.wasm`, result.code.wasm);
}
