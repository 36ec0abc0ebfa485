// Rebuilds every module of this directory from its source:
//     npm ci && npm run build            (all of them, or: node rebuild.mjs NAME...)
// NAME.wasm is 64-bit with enhanced orthogonal persistence, NAME-32.wasm classical 32-bit (copying collector).
import fs from 'node:fs';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
process.chdir(path.dirname(new URL(import.meta.url).pathname));

const classes = ['worker', 'wallet']; // imported by others, no modules of their own
const today = ['today', 'today-v2']; // the older compiler does not know what they use
const sources = fs.readdirSync('.').filter((f) => f.endsWith('.mo')).map((f) => f.slice(0, -3));
const wanted = process.argv.length > 2 ? process.argv.slice(2) : sources.filter((n) => !classes.includes(n));

function compiler(name, persistence, collector) {
  const bundle = require(`./node_modules/${name}/versions/latest/moc.min.js`);
  const moc = bundle.Motoko ?? globalThis.Motoko;
  moc.gcFlags(persistence);
  moc.gcFlags(collector);
  for (const n of sources) moc.saveFile(`${n}.mo`, fs.readFileSync(`${n}.mo`, 'utf8'));
  return moc;
}

function build(moc, name, file) {
  const result = moc.compileWasm('ic', `${name}.mo`);
  if (!result.code) {
    const errors = result.diagnostics.filter((d) => d.severity === 1);
    throw new Error(errors.map((d) => `${d.source}:${d.range.start.line + 1}: ${d.message}`).join('\n'));
  }
  fs.writeFileSync(file, result.code.wasm);
  console.log(`${file} ${result.code.wasm.length}`);
}

if (wanted.length > 1) {
  // What the compiler makes depends a little on what it made before: a fresh process for each.
  for (const name of wanted) execFileSync(process.execPath, ['rebuild.mjs', name], { stdio: 'inherit' });
} else {
  const [name] = wanted;
  build(compiler('motoko-64', 'enhancedOP', 'incremental'), name, `${name}.wasm`);
  if (!today.includes(name)) build(compiler('motoko-32', 'classicOP', 'copying'), name, `${name}-32.wasm`);
}
