/**
 * Generates `gen/` (TypeScript for Envoy's protos) from the .proto files that `@grpc/grpc-js-xds` ships.
 *
 * Nothing of Envoy's API is copied into this repository. Three shipped files are older than the Envoy that we speak to, so they
 * are patched on the way: see PATCHES. The result is reused until one of the inputs changes.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const deps = join(root, 'node_modules/@grpc/grpc-js-xds/deps')
const out = join(root, 'gen')

/** The roots of the closure that we need; imports follow. */
const PATHS = readFileSync(join(root, 'proto/paths.txt'), 'utf8')
  .split('\n')
  .map((line) => line.trim())
  .filter((line) => line !== '' && !line.startsWith('#'))

interface Patch {
  file: string
  module: string
  find: string
  add: string
}

const PATCHES: Patch[] = [
  {
    // Tells several health checks of a cluster apart (Envoy 1.40).
    module: 'envoy-api',
    file: 'envoy/config/core/v3/health_check.proto',
    find: 'message HealthCheck {',
    add: '  string name = 27;',
  },
  {
    // Of Envoy 1.34 and newer.
    module: 'envoy-api',
    file: 'envoy/extensions/load_balancing_policies/common/v3/common.proto',
    find: 'message ZoneAwareLbConfig {',
    add: `    enum LocalityBasis {
      HEALTHY_HOSTS_NUM = 0;
      HEALTHY_HOSTS_WEIGHT = 1;
    }
    message ForceLocalZone {
      google.protobuf.UInt32Value min_size = 1;
    }
    bool force_locality_direct_routing = 4;
    ForceLocalZone force_local_zone = 5;
    LocalityBasis locality_basis = 6;`,
  },
  {
    // The shipped protoc-gen-validate lacks this field, which the shipped Envoy protos use.
    module: 'protoc-gen-validate',
    file: 'validate/validate.proto',
    find: 'message StringRules {',
    add: '  optional bool ignore_empty = 26;',
  },
  {
    // Fields 7 to 9 of Envoy 1.33 and newer; Istio always sets failure_policy.
    module: 'envoy-api',
    file: 'envoy/extensions/wasm/v3/wasm.proto',
    find: 'message PluginConfig {',
    add: `  FailurePolicy failure_policy = 7;
  ReloadConfig reload_config = 8;
  google.protobuf.BoolValue allow_on_headers_stop_iteration = 9;`,
  },
  {
    module: 'envoy-api',
    file: 'envoy/extensions/wasm/v3/wasm.proto',
    find: 'option (udpa.annotations.file_status).package_version_status = ACTIVE;',
    add: `enum FailurePolicy {
  UNSPECIFIED = 0;
  FAIL_RELOAD = 1;
  FAIL_CLOSED = 2;
  FAIL_OPEN = 3;
}

message ReloadConfig {
  config.core.v3.BackoffStrategy backoff = 1;
}
`,
  },
  {
    module: 'envoy-api',
    file: 'envoy/extensions/wasm/v3/wasm.proto',
    find: 'import "envoy/config/core/v3/base.proto";',
    add: 'import "envoy/config/core/v3/backoff.proto";\nimport "google/protobuf/wrappers.proto";',
  },
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
    writeFileSync(path, text.replace(patch.find, `${patch.find}\n${patch.add}`))
  }
}

function generate(): void {
  const scratch = join(out, '.protos')
  rmSync(out, { recursive: true, force: true })
  mkdirSync(scratch, { recursive: true })
  prepare(scratch)
  const modules = ['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'].map((path) => ({ path }))
  writeFileSync(join(scratch, 'buf.yaml'), JSON.stringify({ version: 'v2', modules }))
  const plugin = {
    local: [process.execPath, join(root, 'node_modules/@bufbuild/protoc-gen-es/bin/protoc-gen-es')],
    out,
    opt: ['target=ts', 'import_extension=ts', 'erasable_syntax=true'],
    include_imports: true,
  }
  const template = JSON.stringify({ version: 'v2', plugins: [plugin] })
  const buf = join(root, 'node_modules/@bufbuild/buf/bin/buf')
  const paths = PATHS.flatMap((path) => ['--path', path])
  execFileSync(buf, ['generate', '--template', template, ...paths], { cwd: scratch, stdio: 'inherit' })
  rmSync(scratch, { recursive: true, force: true })
}

/** What the result depends on: this script, the roots, and the versions of the inputs. */
function fingerprint(): string {
  const hash = createHash('sha256')
  for (const file of [
    'scripts/gen.ts',
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
