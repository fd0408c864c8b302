/** The modules that real SDKs and compilers make from the sources in rust/, go/, cpp/ and zig/. */
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { go, zig } from '../../../peers/index.ts'
import { locked } from '../../../peers/lock.ts'
import { absent, CACHE, found, type Peer } from '../../../peers/peer.ts'
import { run } from '../../../peers/run.ts'
import { rust } from '../../../peers/rust.ts'
import { built, sourcesIn } from './cache.ts'

const HERE = dirname(fileURLToPath(import.meta.url))
const LIMIT_MS = 8 * 60_000

interface Sdk {
  readonly tool: () => Promise<Peer>
  /** What else the module depends on than the sources: versions and flags. */
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly output: string
}

const ZIG_CACHE = { ZIG_GLOBAL_CACHE_DIR: join(CACHE, 'zig'), ZIG_LOCAL_CACHE_DIR: join(CACHE, 'zig') }

export const SDKS: Readonly<Record<string, Sdk>> = {
  rust: {
    tool: rust,
    args: ['build', '--release', '--target', 'wasm32-wasip1', '-Z', 'build-std=std,panic_abort'],
    env: { CARGO_TARGET_DIR: 'target' },
    output: 'target/wasm32-wasip1/release/capabilities.wasm',
  },
  go: {
    tool: go,
    args: ['build', '-buildmode=c-shared', '-o', 'out.wasm', '.'],
    env: { GOOS: 'wasip1', GOARCH: 'wasm' },
    output: 'out.wasm',
  },
  cpp: {
    tool: zig,
    args: 'c++ -target wasm32-wasi -mexec-model=reactor -std=c++20 -O2 -fno-exceptions -Wl,--strip-debug main.cc -o out.wasm'.split(
      ' ',
    ),
    env: ZIG_CACHE,
    output: 'out.wasm',
  },
  zig: {
    tool: zig,
    args: 'build-exe main.zig -target wasm32-freestanding -fno-entry -rdynamic -OReleaseSmall -femit-bin=out.wasm'.split(
      ' ',
    ),
    env: ZIG_CACHE,
    output: 'out.wasm',
  },
}

/** The path of an SDK's module, or the reason why it cannot be built here. */
export async function sdkModule(name: string): Promise<Peer> {
  const { tool, args, env, output } = SDKS[name]
  const peer = await tool()
  if (peer.skip !== false) return peer
  const sources = sourcesIn(join(HERE, name))
  try {
    const path = await built(`sdk-${name}`, args.join(' '), sources, () =>
      // One compiler at a time: each uses all cores.
      locked(join(CACHE, 'modules/compiler'), async () => {
        const dir = mkdtempSync(join(tmpdir(), `sluice-${name}-`))
        try {
          cpSync(join(HERE, name), dir, { recursive: true })
          await run('nice', ['-n', '19', peer.path, ...args], { cwd: dir, env, timeoutMs: LIMIT_MS })
          return readFileSync(join(dir, output))
        } finally {
          rmSync(dir, { recursive: true, force: true })
        }
      }),
    )
    return found(path)
  } catch (error) {
    return absent(`${name}-build`, (error as Error).message)
  }
}
