/** An API server of its own for a test file, and the real kubectl against it. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ApiServer, type PodRuntime, startApiServer } from '../../src/apiserver/index.ts'
import { kubectl as kubectlPeer, type Peer } from '../peers/index.ts'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..')

export interface Result {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs it with these words (single quotes hold a word together), this standard input, these variables. */
export type Kubectl = (args: string, input?: string, env?: Record<string, string>) => Promise<Result>

export interface Cluster {
  readonly server: ApiServer
  readonly dir: string
  kubectl(path: string): Kubectl
  close(): Promise<void>
}

export const VERSIONS: Readonly<Record<'1.33' | '1.35', Peer>> = {
  '1.33': await kubectlPeer('1.33'),
  '1.35': await kubectlPeer('1.35'),
}

/** The newest that this machine has; most scenarios are the same for all versions. */
export const NEWEST: Peer = VERSIONS['1.35'].skip === false ? VERSIONS['1.35'] : VERSIONS['1.33']

export async function startCluster(podRuntime?: PodRuntime): Promise<Cluster> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-kubectl-'))
  const server = await startApiServer({
    dataDir: ':memory:',
    port: 0,
    crdDirs: [join(ROOT, 'deploy/crds')],
    ...(podRuntime === undefined ? {} : { podRuntime: () => podRuntime }),
  })
  writeFileSync(join(dir, 'kubeconfig'), server.kubeconfig, { mode: 0o600 })
  let caches = 0
  return {
    server,
    dir,
    kubectl(path) {
      // kubectl keeps discovery for six hours by host and port, so every one gets a cache of its own.
      const cache = join(dir, `cache-${caches++}`)
      return (args, input, env = {}) =>
        run(path, [`--cache-dir=${cache}`, ...split(args)], input, { ...env, KUBECONFIG: join(dir, 'kubeconfig') })
    },
    async close() {
      await server.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

function split(args: string): string[] {
  return [...args.matchAll(/'([^']*)'|(?:[^\s']|'[^']*')+/g)].map(
    ([word, quoted]) => quoted ?? word.replaceAll("'", ''),
  )
}

function run(path: string, args: string[], input: string | undefined, env: Record<string, string>): Promise<Result> {
  return new Promise((resolve) => {
    const child = execFile(
      path,
      args,
      { env: { PATH: process.env['PATH'] ?? '', HOME: tmpdir(), ...env }, timeout: 30_000, maxBuffer: 64 << 20 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
        resolve({ code, stdout, stderr })
      },
    )
    child.stdin?.end(input ?? '')
  })
}

/** Runs a command that has to succeed and gives what it printed. */
export function succeeding(
  kubectl: () => Kubectl,
): (args: string, input?: string, env?: Record<string, string>) => Promise<string> {
  return async (args, input, env) => {
    const { code, stdout, stderr } = await kubectl()(args, input, env)
    if (code !== 0) throw new Error(`kubectl ${args}: exit code ${code}: ${stderr}${stdout}`)
    return stdout
  }
}
