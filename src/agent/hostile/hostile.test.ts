/**
 * Everything a registry can do to us, times when it does it, times what the fail policy says. The outcome is a table that is
 * checked in: docs/reference/module-failures.md. `UPDATE_TABLES=1` writes it anew.
 */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { FailurePolicy } from '../../../gen/envoy/extensions/wasm/v3/wasm_pb.ts'
import { packagePath } from '../../base/package-root.ts'
import {
  anonymous,
  HttpTransport,
  parseReference,
  pushWasmImage,
  RegistryClient,
  type RegistryServer,
  signImage,
  startRegistry,
} from '../../oci/index.ts'
import { emptyModule, temporaryFolder } from '../testing.ts'
import { Cell, type Traffic } from './cell.ts'
import { flaky, stripped, WIRE_FAULTS } from './faults.ts'
import { FaultyRegistry } from './faulty-registry.ts'
import { type Outcome, type Row, renderTable, SITUATIONS, type Situation } from './table.ts'

const folder = temporaryFolder()
const transport = new HttpTransport()
const keys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const trusted = keys()
const other = keys()
const publicPem = trusted.publicKey.export({ type: 'spki', format: 'pem' }).toString()
let registry: RegistryServer

before(async () => {
  registry = await startRegistry({ dir: join(folder.path, 'registry'), port: 0 })
  for (const tag of ['v1', 'v2']) {
    await pushWasmImage({ ref: `${registry.address}/plain:${tag}`, wasm: emptyModule(tag), credentials: anonymous })
  }
})
after(async () => {
  transport.close()
  await registry.close()
  folder.remove()
})

const POLICIES = [FailurePolicy.FAIL_CLOSED, FailurePolicy.FAIL_RELOAD, FailurePolicy.FAIL_OPEN] as const

/** How a fault is made and ended in one cell; `image` gives the images of the cell their names. */
interface Scenario {
  readonly code: string | undefined
  readonly env?: Record<string, string>
  prepare?(repository: string): Promise<void>
  begin(cell: Cell, faulty: FaultyRegistry, repository: string): () => Promise<void> | void
}

function pem(pair: typeof trusted): string {
  return pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

async function sign(repository: string, tag: string, pair: typeof trusted): Promise<void> {
  const client = new RegistryClient(parseReference(`${registry.address}/${repository}:${tag}`), transport, {
    credentials: anonymous,
  })
  await signImage(client, (await client.manifest()).digest, pem(pair))
}

async function pushSigned(repository: string, tags: Record<string, typeof trusted | undefined>): Promise<void> {
  for (const [tag, pair] of Object.entries(tags)) {
    await pushWasmImage({
      ref: `${registry.address}/${repository}:${tag}`,
      wasm: emptyModule(tag),
      credentials: anonymous,
    })
    if (pair !== undefined) await sign(repository, tag, pair)
  }
}

const env = { ISTIO_META_WASM_VERIFICATION_KEY: publicPem }

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  ...Object.fromEntries(
    Object.entries(WIRE_FAULTS).map(([name, { code, make }]): [string, Scenario] => [
      name,
      {
        code,
        begin(_cell, faulty) {
          faulty.fault = make()
          return () => {
            faulty.fault = undefined
          }
        },
      },
    ]),
  ),
  '5xx then good': {
    code: undefined,
    begin(_cell, faulty) {
      faulty.fault = flaky(2)
      return () => {}
    },
  },
  unsigned: {
    code: 'SL3025',
    env,
    prepare: (repository) => pushSigned(repository, { v1: trusted, v2: undefined, v3: undefined }),
    begin: (_cell, _faulty, repository) => async () => {
      for (const tag of ['v2', 'v3']) await sign(repository, tag, trusted)
    },
  },
  'signed by another key': {
    code: 'SL3026',
    env,
    prepare: (repository) => pushSigned(repository, { v1: trusted, v2: other, v3: other }),
    begin: (_cell, _faulty, repository) => async () => {
      for (const tag of ['v2', 'v3']) await sign(repository, tag, trusted)
    },
  },
  'signature stripped': {
    code: 'SL3025',
    env,
    prepare: (repository) => pushSigned(repository, { v1: trusted, v2: trusted, v3: trusted }),
    begin(_cell, faulty) {
      faulty.fault = stripped
      return () => {
        faulty.fault = undefined
      }
    },
  },
  'disk full': { code: 'SL3023', begin: (cell) => cell.spoilDisk() },
}

let cells = 0

async function play(scenario: Scenario, situation: Situation, policy: FailurePolicy): Promise<Outcome> {
  const repository = scenario.prepare === undefined ? 'plain' : `cell/${cells++}`
  await scenario.prepare?.(repository)
  const faulty = await FaultyRegistry.start(registry)
  const cell = new Cell(policy, scenario.env ?? {}, scenario.code === 'SL3015' ? 200 : 10_000)
  const image = (tag: string) => `oci://${faulty.host}/${repository}:${tag}`
  try {
    // Every start but a very first one has run v1 before.
    if (situation === 'first start') {
      await cell.start()
      await new Promise((resolve) => setImmediate(resolve))
    } else {
      cell.push(image('v1'))
      await cell.start()
      await cell.ready()
      if (situation !== 'update') cell.stop()
      if (situation === 'restart without cache') await cell.start(false)
    }
    cell.traffic.length = 0
    const end = scenario.begin(cell, faulty, repository)
    if (situation === 'restart with cache') await cell.start()
    else cell.push(image('v2'))
    const report = await cell.settled()
    const seen = new Set<Traffic>(cell.traffic)
    const traffic: Traffic = seen.has('denied')
      ? 'denied'
      : seen.has('passes without it')
        ? 'passes without it'
        : 'module'
    const during = report.state === 'failed' && traffic === 'module' ? 'last good module' : traffic
    await end()
    await cell.ready()
    assert.deepEqual(cell.nacks, [], 'the control plane is never told that its config is bad')
    return { during, code: report.code, healed: report.state === 'failed' }
  } finally {
    cell.close()
    await faulty.close()
  }
}

const rows: Row[] = []

describe('hostile registry', { concurrency: 3 }, () => {
  for (const [fault, scenario] of Object.entries(SCENARIOS)) {
    it(fault, async () => {
      for (const situation of SITUATIONS) {
        const [close, reload, open] = await Promise.all(POLICIES.map((policy) => play(scenario, situation, policy)))
        // A module that is cached and verified needs nobody, and what worked before stays.
        const expected = situation === 'restart with cache' ? undefined : scenario.code
        assert.deepEqual([close.code, reload.code, open.code], [expected, expected, expected], situation)
        const calm = situation === 'restart with cache' || scenario.code === undefined
        const kept = situation === 'update' ? 'last good module' : undefined
        assert.equal(close.during, calm ? 'module' : (kept ?? 'denied'), situation)
        assert.equal(reload.during, close.during, situation)
        assert.equal(open.during, calm ? 'module' : (kept ?? 'passes without it'), situation)
        rows.push({ fault, situation, close, reload, open })
      }
    })
  }
})

it('the table that is checked in says the same', () => {
  const file = packagePath('docs/reference/module-failures.md')
  const faults = Object.keys(SCENARIOS)
  const table = renderTable(rows.toSorted((a, b) => faults.indexOf(a.fault) - faults.indexOf(b.fault)))
  if (process.env['UPDATE_TABLES'] === '1') writeFileSync(file, table)
  assert.equal(readFileSync(file, 'utf8'), table)
})
