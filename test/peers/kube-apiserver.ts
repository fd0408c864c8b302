/**
 * A real kube-apiserver with the etcd it needs. It is built from source (five minutes on two cores, 4 GB of memory), so only where
 * CI=true, where it is there already, or by `node test/peers/kube-apiserver.ts`.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fromDebian } from './debian.ts'
import { go } from './index.ts'
import { install } from './install.ts'
import { absent, CACHE, type Peer } from './peer.ts'
import { run } from './run.ts'

const VERSION = '1.34.3'
const BUILD_MS = 40 * 60_000

const MAIN = `package main

import (
	"os"

	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"

	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() { os.Exit(cli.Run(app.NewAPIServerCommand())) }
`

/** What a kube-apiserver stores in; it is there where a kube-apiserver is. */
export const etcd = (): Promise<Peer> => fromDebian(['etcd-server'], 'usr/bin/etcd')

export async function kubeApiserver(wanted = process.env['CI'] === 'true'): Promise<Peer> {
  const name = 'kube-apiserver'
  if (!wanted && !existsSync(join(CACHE, 'peers', `${name}-${VERSION}`, name))) {
    return absent(name, 'build it with `node test/peers/kube-apiserver.ts`')
  }
  const store = await etcd()
  if (store.skip !== false) return absent(name, store.skip)
  const compiler = await go()
  if (compiler.skip !== false) return absent(name, compiler.skip)
  return install(name, VERSION, name, (dir) => build(compiler.path, dir, name))
}

async function build(compiler: string, dir: string, name: string): Promise<void> {
  const source = join(dir, 'source')
  mkdirSync(source)
  const env = { PATH: `${dirname(compiler)}:${process.env['PATH'] ?? ''}`, CGO_ENABLED: '0', GOFLAGS: '-mod=mod' }
  const options = { cwd: source, env, timeoutMs: BUILD_MS }
  writeFileSync(join(source, 'main.go'), MAIN)
  await run(compiler, ['mod', 'init', 'example.com/peer'], options)
  const told = await run(compiler, ['mod', 'download', '-json', `k8s.io/kubernetes@v${VERSION}`], options)
  writeFileSync(join(source, 'go.mod'), moduleOf(readFileSync(JSON.parse(told).GoMod, 'utf8')))
  const flags = `-s -w -X k8s.io/component-base/version.gitVersion=v${VERSION}`
  await run('nice', [compiler, 'build', '-trimpath', '-ldflags', flags, '-o', join(dir, name), '.'], options)
  rmSync(source, { recursive: true })
}

/** Kubernetes' own go.mod takes these from its source tree; the module proxy has them under their own names. */
function moduleOf(theirs: string): string {
  const staging = [...theirs.matchAll(/^\s*(?:replace )?(k8s\.io\/\S+) => \.\/staging\//gm)].map(([, module]) => module)
  const own = VERSION.replace('1.', '0.')
  const version = /^go \S+$/m.exec(theirs)?.[0] ?? ''
  const replaces = staging.map((module) => `replace ${module} => ${module} v${own}`)
  return ['module example.com/peer', version, `require k8s.io/kubernetes v${VERSION}`, ...replaces, ''].join('\n')
}

if (import.meta.main) {
  const server = await kubeApiserver(true)
  console.log(server.skip === false ? server.path : server.skip)
  process.exitCode = server.skip === false ? 0 : 1
}
