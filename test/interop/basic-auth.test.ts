/** basic_auth's conformance rows on a real Envoy, for each ABI version: the module is good, not only our host. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { REQUESTS } from '../../extensions/basic_auth/test/cases.ts'
import { ABIS, buildFor } from '../../extensions/basic_auth/test/support.ts'
import { freePort } from '../free-ports.ts'
import { limitedFetch } from '../limited-fetch.ts'
import { envoy } from '../peers/index.ts'
import { Program } from '../program.ts'
import { within } from '../within.ts'

const peer = await envoy()
const configurations = [...new Set(REQUESTS.map(([, config]) => config))]

describe('basic_auth on Envoy', { skip: peer.skip }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-basic-auth-'))
  const ports = new Map<string, number>()
  let program: Program | undefined

  before(async () => {
    const adminPort = await freePort()
    const listeners = []
    for (const abi of ABIS) {
      const filename = join(dir, `${abi}.wasm`)
      writeFileSync(filename, await buildFor(abi))
      listeners.push(...configurations.map((config, i) => listener(`${abi}/${i}`, abi, filename, config)))
    }
    const admin = { address: address(adminPort) }
    const file = join(dir, 'envoy.json')
    writeFileSync(file, JSON.stringify({ admin, static_resources: { listeners } }))
    const flags = ['--concurrency', '1', '--disable-hot-restart', '-l', 'warn']
    program = new Program(peer.path, ['-c', file, ...flags], { cwd: dir })
    await program.until('its listeners', () => listening(adminPort))
  })
  after(async () => {
    await program?.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  async function listening(adminPort: number): Promise<true | undefined> {
    const answer = await limitedFetch(`http://127.0.0.1:${adminPort}/listeners?format=json`).catch(() => undefined)
    const status = (await answer?.json()) as { listener_statuses?: ListenerStatus[] } | undefined
    for (const each of status?.listener_statuses ?? []) {
      const port = each.local_address.socket_address.port_value
      if (port !== 0) ports.set(each.name, port)
    }
    return ports.size === ABIS.length * configurations.length || undefined
  }

  for (const abi of ABIS) {
    for (const [name, config, method, path, authorization, status, challenge] of REQUESTS) {
      test(`${abi}: ${name}`, async () => {
        const port = ports.get(`${abi}/${configurations.indexOf(config)}`)!
        const answer = await ask(port, method, path, authorization)
        assert.equal(answer.status, status)
        if (status !== 401) return
        assert.equal(answer.challenge, challenge ?? 'Basic realm=istio')
        assert.equal(answer.body, '')
        assert.match(answer.details, /^Request_denied_by_Basic_Auth_check\._/)
      })
    }
  }
})

interface ListenerStatus {
  name: string
  local_address: { socket_address: { port_value: number } }
}

const address = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } })

function listener(name: string, abi: string, filename: string, config: string): unknown {
  const wasm = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm',
    config: {
      name: `basic_auth/${name}`,
      // One machine for all configurations of an ABI: they must not get into each other's way.
      vm_config: { vm_id: abi, runtime: 'envoy.wasm.runtime.v8', code: { local: { filename } } },
      configuration: { '@type': 'type.googleapis.com/google.protobuf.StringValue', value: config },
    },
  }
  const direct = {
    match: { prefix: '/' },
    direct_response: { status: 200, body: { inline_string: 'upstream' } },
  }
  const manager = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'test',
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes: [direct] }] },
    http_filters: [
      { name: 'wasm', typed_config: wasm },
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
    // Tells the details of an answer, which otherwise are in the access log only.
    local_reply_config: {
      mappers: [
        {
          filter: {
            status_code_filter: { comparison: { op: 'EQ', value: { default_value: 401, runtime_key: 'none' } } },
          },
          headers_to_add: [{ header: { key: 'x-details', value: '%RESPONSE_CODE_DETAILS%' } }],
        },
      ],
    },
  }
  return { name, address: address(0), filter_chains: [{ filters: [{ name: 'hcm', typed_config: manager }] }] }
}

interface Answer {
  status: number
  challenge: string | undefined
  details: string
  body: string
}

function ask(port: number, method: string, path: string, authorization: string): Promise<Answer> {
  const answered = new Promise<Answer>((resolve, reject) => {
    const headers = authorization === '' ? {} : { authorization }
    // The rows ask for a method that Node does not know; Envoy's parser does not either, so DELETE stands in for it.
    const known = method === 'something' ? 'DELETE' : method
    request({ host: '127.0.0.1', port, method: known, path, headers }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk) => {
        body += chunk
      })
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          challenge: response.headers['www-authenticate'],
          details: String(response.headers['x-details']),
          body,
        }),
      )
    })
      .on('error', reject)
      .end()
  })
  return within(`the answer to ${method} ${path}`, answered)
}
