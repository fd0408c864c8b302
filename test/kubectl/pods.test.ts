/** logs and exec through the hooks that the runner of pods fills. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { after, before, describe, test } from 'node:test'
import type { PodRuntime } from '../../src/apiserver/index.ts'
import { type Cluster, type Kubectl, NEWEST, startCluster, succeeding, VERSIONS } from './cluster.ts'

/** Runs the command on this host: what matters here is the transport. */
const runtime: PodRuntime = {
  async logs(_namespace, pod, { container, tailLines, timestamps }) {
    if (container === 'silent') throw new Error(`container "silent" in pod "${pod}" is waiting to start`)
    const lines = ['one', 'two', 'three'].map((line) => `${timestamps ? '2026-01-01T00:00:00Z ' : ''}${pod} ${line}\n`)
    return Readable.from(lines.slice(tailLines === undefined ? 0 : -tailLines))
  },
  exec(_namespace, _pod, { command, stdin, stdout, stderr }) {
    return new Promise((resolve, reject) => {
      const child = spawn(command[0], command.slice(1), {
        stdio: [stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      })
      child.on('error', (error) => reject(new Error(`cannot start ${command[0]}: ${error.message}`)))
      if (stdin !== undefined && child.stdin !== null) stdin.pipe(child.stdin)
      const outputs = [
        stdout && child.stdout ? pipeline(child.stdout, stdout) : undefined,
        stderr && child.stderr ? pipeline(child.stderr, stderr) : undefined,
      ]
      child.on('exit', (code) => Promise.all(outputs).then(() => resolve(code ?? 137), reject))
    })
  },
}

const POD = `
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {app: p}}
spec:
  containers: [{name: a, image: x}, {name: silent, image: x}]`

for (const [version, peer] of Object.entries(VERSIONS)) {
  describe(`pods with kubectl ${version}`, { skip: peer.skip }, () => {
    let cluster: Cluster
    let kubectl: Kubectl
    const ok = succeeding(() => kubectl)
    before(async () => {
      cluster = await startCluster(runtime)
      kubectl = cluster.kubectl(peer.path)
      await ok('create -f -', POD)
      await ok(`patch pod p --subresource=status --type=merge -p '{"status":{"phase":"Running"}}'`)
    })
    after(() => cluster.close())

    test('logs: whole, tail, timestamps, of a container that has none', async () => {
      assert.equal(await ok('logs p -c a'), 'p one\np two\np three\n')
      assert.equal(await ok('logs p -c a --tail=1 --timestamps'), '2026-01-01T00:00:00Z p three\n')
      assert.equal(await ok('logs -l app=p -c a --tail=2 -f'), 'p two\np three\n')
      assert.match((await kubectl('logs p -c silent')).stderr, /container "silent" in pod "p" is waiting to start/)
      assert.match((await kubectl('logs p -c none')).stderr, /container none is not valid for pod p/)
    })

    test('exec: output, exit code, standard input, megabytes, what cannot start', async () => {
      assert.equal(await ok('exec p -c a -- echo hello'), 'hello\n')
      const failed = await kubectl(`exec p -c a -- sh -c 'echo no >&2; exit 3'`)
      assert.equal(failed.code, 3)
      assert.match(failed.stderr, /^no\n/)
      assert.equal(await ok('exec -i p -c a -- tr a-z A-Z', 'shout'), 'SHOUT')
      const big = 'x'.repeat(3_000_000)
      assert.equal(await ok('exec -i p -c a -- cat', big), big)
      assert.match((await kubectl('exec p -c a -- /no/such/program')).stderr, /cannot start \/no\/such\/program/)
      assert.match((await kubectl('exec nobody -- true')).stderr, /pods "nobody" not found/)
    })
  })
}

describe('without a runtime', { skip: NEWEST.skip }, () => {
  test('logs say why there are none', async () => {
    const cluster = await startCluster()
    try {
      const kubectl = cluster.kubectl(NEWEST.path)
      await kubectl('create -f -', POD)
      assert.match((await kubectl('logs p -c a')).stderr, /runs no pods/)
    } finally {
      await cluster.close()
    }
  })
})
