/**
 * Generates `gen/` (TypeScript for Envoy's protos) from the .proto files that `@grpc/grpc-js-xds` ships.
 *
 * Nothing of Envoy's API is copied into this repository. Some shipped files are older than the Envoy that we speak to, so they
 * are patched on the way: see proto-patches.ts. The result is reused until one of the inputs changes.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PATCHES } from './proto-patches.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const deps = join(root, 'node_modules/@grpc/grpc-js-xds/deps')
const out = join(root, 'gen')

/** The roots of the closure that we need; imports follow. */
const PATHS = readFileSync(join(root, 'proto/paths.txt'), 'utf8')
  .split('\n')
  .map((line) => line.trim())
  .filter((line) => line !== '' && !line.startsWith('#'))

/**
 * Options that nobody reads, and rules that Envoy's own validation would follow: a fifth of the descriptors that each thread holds. Of
 * all annotations only `udpa.annotations.sensitive` stays (src/xds/redact.ts), and what is work in progress (xds.annotations.v3;
 * src/proxy/config/unexpected-fields.ts).
 */
const UNREAD = [
  'validate',
  'envoy.annotations',
  'udpa.annotations.security',
  'udpa.annotations.versioning',
  'udpa.annotations.file_status',
  ...['message', 'field', 'enum', 'enum_value', 'file'].map((kind) => `udpa.annotations.${kind}_migrate`),
]

/** Copies a proto module to a scratch folder and applies its patches there. */
function prepare(scratch: string): void {
  for (const module of ['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate']) {
    cpSync(join(deps, module), join(scratch, module), { recursive: true })
  }
  for (const patch of PATCHES) {
    const path = join(scratch, patch.module, patch.file)
    const text = readFileSync(path, 'utf8')
    if (!text.includes(patch.find)) {
      if (patch.find.startsWith('import')) {
        writeFileSync(path, text.replace('\nimport ', `\n${patch.add}\nimport `))
        continue
      }
      throw new Error(`cannot patch ${patch.file}: «${patch.find}» is not there; has @grpc/grpc-js-xds been updated?`)
    }
    writeFileSync(path, text.replace(patch.find, patch.replaces === true ? patch.add : `${patch.find}\n${patch.add}`))
  }
}

function generate(): void {
  const scratch = join(out, '.protos')
  // `gen/extensions` has a key of its own for each module, and takes longer to build.
  for (const name of existsSync(out) ? readdirSync(out) : []) {
    if (name !== 'extensions') rmSync(join(out, name), { recursive: true })
  }
  mkdirSync(scratch, { recursive: true })
  prepare(scratch)
  const modules = ['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'].map((path) => ({ path }))
  writeFileSync(join(scratch, 'buf.yaml'), JSON.stringify({ version: 'v2', modules }))
  const plugin = {
    local: [process.execPath, join(root, 'node_modules/@bufbuild/protoc-gen-es/bin/protoc-gen-es')],
    out,
    opt: ['target=ts', 'import_extension=ts', 'erasable_syntax=true'],
    include_imports: true,
    // One run of the plugin for all files; for each directory its own, the default, takes ten times as long.
    strategy: 'all',
  }
  const input = { directory: '.', paths: PATHS, exclude_types: UNREAD }
  const template = JSON.stringify({ version: 'v2', plugins: [plugin], inputs: [input] })
  const buf = join(root, 'node_modules/@bufbuild/buf/bin/buf')
  execFileSync(buf, ['generate', '--template', template], { cwd: scratch, stdio: 'inherit' })
  rmSync(scratch, { recursive: true, force: true })
  for (const name of readdirSync(out, { recursive: true, encoding: 'utf8' })) {
    if (name.endsWith('_pb.ts')) adapt(join(out, name))
  }
}

/**
 * With a `fileDesc` of our own (src/base/file-desc.ts), because protobuf-es's takes too long for Envoy's files, and without what Envoy says
 * of its types: each thread holds the text of what it has loaded, and that is nearly half of it.
 */
function adapt(path: string): void {
  const text = readFileSync(path, 'utf8')
  const own = relative(dirname(path), join(root, 'src/base/file-desc.ts'))
  const changed = text.replace(
    /^import \{ (.*)\bfileDesc(?:, )?(.*)\} from "@bufbuild\/protobuf\/codegenv2";$/m,
    `import { $1$2} from "@bufbuild/protobuf/codegenv2";\nimport { fileDesc } from "${own}";`,
  )
  if (changed === text) throw new Error(`cannot find fileDesc in ${path}; has protoc-gen-es been updated?`)
  writeFileSync(path, changed.replace(/^ *\/\*\*(?:(?!\*\/).)*?@generated from.*?\*\/\n/gms, ''))
}

/** What the result depends on: this script, the roots, and the versions of the inputs. */
function fingerprint(): string {
  const hash = createHash('sha256')
  for (const file of [
    'scripts/gen.ts',
    'scripts/proto-patches.ts',
    'proto/paths.txt',
    'node_modules/@grpc/grpc-js-xds/package.json',
    'node_modules/@bufbuild/protoc-gen-es/package.json',
  ]) {
    hash.update(readFileSync(join(root, file)))
  }
  return hash.digest('hex')
}

const stamp = join(out, '.stamp')
const want = fingerprint()
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== want) {
  const begun = Date.now()
  generate()
  writeFileSync(stamp, want)
  console.log(`generated gen/ from Envoy's protos in ${((Date.now() - begun) / 1000).toFixed(1)} s`)
}
