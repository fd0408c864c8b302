/** `sluice agent -- envoy` as a container's entry point: bootstrap, health, metrics, signals and exit codes, with a real Envoy. */
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { envoyBootstrap } from '../../src/agent/envoy/bootstrap.ts'
import { packagePath } from '../../src/base/package-root.ts'
import { serveGrpc } from '../../src/xds/grpc-server.ts'
import { AdsServer, TypeUrl } from '../../src/xds/index.ts'
import { freePort } from '../free-ports.ts'
import { fetchText, limitedFetch } from '../limited-fetch.ts'
import { envoy } from '../peers/index.ts'
import { within } from '../within.ts'

const peer = await envoy()
const dir = mkdtempSync(join(tmpdir(), 'sluice-agent-command-'))
const connected: string[] = []
const ads: AdsServer = new AdsServer({
  onConnect({ node }) {
    connected.push(node.id)
    // An Envoy is live when it has been told of its listeners and clusters, of which these have none.
    ads.setSnapshot(node.id, { [TypeUrl.listener]: new Map(), [TypeUrl.cluster]: new Map() }, '1')
  },
})
let xds: Awaited<ReturnType<typeof serveGrpc>>
let count = 0
const started: Running[] = []

before(async () => {
  xds = await serveGrpc(ads, '127.0.0.1', 0)
})
after(async () => {
  // What a failed test left.
  for (const { child, exited } of started) {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await within('the end of a command', exited)
  }
  await xds.close()
  ads.close()
  rmSync(dir, { recursive: true, force: true })
})

interface Running {
  readonly child: ChildProcess
  readonly node: string
  readonly status: string
  readonly exited: Promise<number | null>
  log(): string
}

/** Starts the command with an address of its own, so that its port 15020 is free. */
function start(...args: string[]): Running {
  const address = `127.77.${process.pid % 250}.${++count}`
  const name = `app-${count}`
  const env = {
    ...process.env,
    POD_NAME: name,
    POD_NAMESPACE: 'shop',
    INSTANCE_IP: address,
    SLUICE_DISCOVERY_ADDRESS: `127.0.0.1:${xds.port}`,
    SLUICE_MODULE_CACHE: join(dir, name),
  }
  const command = [packagePath('bin/sluice.mjs'), 'agent', 'proxy', 'router', ...args]
  const child = spawn(process.execPath, command, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (log += chunk))
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  const node = `router~${address}~${name}.shop~shop.svc.cluster.local`
  const running = { child, node, status: `http://${address}:15020`, exited, log: () => log }
  started.push(running)
  return running
}

function end({ exited, log }: Running): Promise<number | null> {
  return within('the end of the command', exited, log)
}

async function ready({ status, child, log }: Running): Promise<void> {
  for (const until = Date.now() + 30_000; ; ) {
    const answer = await limitedFetch(`${status}/healthz/ready`).catch(() => undefined)
    if (answer?.status === 200) return
    if (child.exitCode !== null || Date.now() > until) throw new Error(`not ready:\n${log()}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const ENVOY = ['--concurrency', '1', '-l', 'error', '--drain-time-s', '1']

describe('sluice agent -- envoy', { skip: peer.skip }, () => {
  it('makes the bootstrap, tells health and metrics, and ends with its Envoy on SIGTERM', async () => {
    const running = start('--', peer.path, ...ENVOY)
    await ready(running)
    assert.ok(connected.includes(running.node), 'the node id is Istio’s')
    const page = await fetchText(`${running.status}/stats/prometheus`)
    for (const metric of ['envoy_server_live', 'istio_agent_wasm_cache_entries', 'sluice_agent_wasm_heals_total']) {
      assert.match(page, new RegExp(`^${metric}`, 'm'))
    }
    running.child.kill('SIGTERM')
    assert.equal(await end(running), 0, running.log())
  })

  it('takes a bootstrap of the user’s own, at the ports that it names', async () => {
    const [xdsPort, adminPort] = [await freePort(), await freePort()]
    const file = join(dir, 'bootstrap.json')
    const node = { id: 'sidecar~10.0.0.9~mine.shop~shop.svc.cluster.local', cluster: 'mine', metadata: {} }
    writeFileSync(file, JSON.stringify(envoyBootstrap({ node, xdsPort, adminPort, delta: false })))
    const ports = ['--xds-port', String(xdsPort), '--admin-port', String(adminPort)]
    const running = start(...ports, '--', peer.path, '-c', file, '--disable-hot-restart', ...ENVOY)
    await ready(running)
    assert.ok(connected.includes(node.id))
    assert.match(await fetchText(`${running.status}/stats/prometheus`), /^envoy_server_live/m)
    running.child.kill('SIGTERM')
    assert.equal(await end(running), 0, running.log())
  })

  it('says what a bootstrap of the user’s own needs', async () => {
    const running = start('--', peer.path, '--config-path', 'x.yaml')
    assert.equal(await end(running), 2)
    assert.match(running.log(), /SL6004: an Envoy with a bootstrap of its own needs --xds-port and --admin-port/)
  })

  it('ends when Envoy does, with its exit code', async () => {
    const running = start('--', peer.path, ...ENVOY)
    await ready(running)
    const [child] = execFileSync('ps', ['-o', 'pid=', '--ppid', String(running.child.pid)], { encoding: 'utf8' })
      .trim()
      .split(/\s+/)
    process.kill(Number(child), 'SIGKILL')
    assert.equal(await end(running), 137, running.log())
  })

  it('says so when the program cannot be started', async () => {
    const running = start('--', join(dir, 'no-envoy'))
    assert.equal(await end(running), 1)
    assert.match(running.log(), /SL3030: .*no-envoy/)
  })
})
