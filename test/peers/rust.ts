import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fromDebian } from './debian.ts'
import { absent, found, type Peer } from './peer.ts'
import { run } from './run.ts'

/**
 * A cargo that builds for `wasm32-wasip1`: pass `build --release --target wasm32-wasip1 -Z build-std=std,panic_abort`. Debian's
 * Rust brings the sources of the standard library, which are built with the module; a ready-made library for that target comes
 * from rustup alone.
 */
export async function rust(): Promise<Peer> {
  const cargo = await run('cargo', ['--version'], { timeoutMs: 20_000 }).catch((error: Error) => error)
  if (cargo instanceof Error) return absent('rust', `cargo cannot be run: ${cargo.message}`)
  const rustc = await fromDebian(['rustc-web', 'rust-web-src', 'lld-22', 'wasi-libc'], 'usr/bin/rustc', writeCargo)
  return rustc.skip === false ? found(join(dirname(rustc.path), 'cargo')) : absent('rust', rustc.skip)
}

/** Stands beside the `start` of rustc. RUSTC_BOOTSTRAP lets a stable compiler take `-Z build-std`. */
function writeCargo(root: string): void {
  const script = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
export RUSTC="$here/start" RUSTC_BOOTSTRAP=1
export RUSTFLAGS="-Clinker=$here/root/usr/bin/wasm-ld-22 -Clink-arg=--allow-undefined -L$here/root/usr/lib/wasm32-wasi"
exec cargo "$@"
`
  writeFileSync(join(root, '../cargo'), script, { mode: 0o755 })
}
