import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serveGrpc } from '../../xds/grpc-server.ts'
import { type Agent, type AgentOptions, startAgent } from '../start.ts'
import { scrape } from '../status/merge-metrics.ts'
import { type EnvoyNode, envoyBootstrap } from './bootstrap.ts'
import { EnvoyChild } from './child.ts'

/** An agent with an Envoy of its own. */
export interface EnvoyAgentOptions extends Omit<AgentOptions, 'proxyNotReady' | 'scrapeUrls'> {
  /** Envoy with its arguments. Without `-c` or `--config-path` it gets a bootstrap made for it. */
  readonly command: readonly [string, ...string[]]
  readonly node: EnvoyNode
  /** Where Envoy finds the agent; a bootstrap of the user's own has to name it. 0 takes any free one. */
  readonly xdsPort?: number
  /** Of Envoy; 0 takes any free one. */
  readonly adminPort?: number
  readonly delta?: boolean
  /** 5 s unless told, as in Istio. */
  readonly drainMs?: number
}

/** Both, running. */
export interface EnvoyAgent {
  readonly agent: Agent
  readonly xdsPort: number
  readonly adminPort: number
  /** Envoy's exit code. */
  readonly exited: Promise<number>
  /** Drains and ends Envoy, then the agent; gives Envoy's exit code. */
  stop(): Promise<number>
}

/** `sluice agent -- envoy …`: module supply for a real Envoy, with its bootstrap, its life, its health and its metrics. */
export async function runEnvoy(options: EnvoyAgentOptions): Promise<EnvoyAgent> {
  const { node, delta = true, drainMs = 5000 } = options
  const adminPort = options.adminPort || (await freePort())
  const admin = `http://127.0.0.1:${adminPort}`
  const agent = await startAgent({
    ...options,
    scrapeUrls: [`${admin}/stats/prometheus`],
    proxyNotReady: async () => ((await scrape(`${admin}/ready`)).startsWith('LIVE') ? [] : ['Envoy is not live yet']),
  })
  const xds = await serveGrpc(agent.interposer, '127.0.0.1', options.xdsPort ?? 0)
  const folder = mkdtempSync(join(tmpdir(), 'sluice-agent-'))
  const clean = async () => {
    agent.interposer.close()
    await xds.close()
    await agent.close()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const [program, ...given] = options.command
    const own = hasOwnBootstrap(given)
    const file = join(folder, 'envoy.json')
    if (!own) writeFileSync(file, JSON.stringify(envoyBootstrap({ node, adminPort, xdsPort: xds.port, delta })))
    const args = own ? given : ['-c', file, '--disable-hot-restart', ...given]
    const child = await EnvoyChild.start({ command: [program, ...args], adminPort, drainMs })
    const ended = child.exited.finally(clean)
    return {
      agent,
      xdsPort: xds.port,
      adminPort,
      exited: child.exited,
      async stop() {
        await child.stop()
        return await ended
      },
    }
  } catch (error) {
    await clean()
    throw error
  }
}

/** Whether Envoy's arguments name a bootstrap; the agent makes one otherwise. */
export function hasOwnBootstrap(args: readonly string[]): boolean {
  return args.some((arg) => arg === '-c' || /^--config-(?:path|yaml)(?:=|$)/.test(arg))
}

/** A port that was free a moment ago: Envoy cannot tell which one it took. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
