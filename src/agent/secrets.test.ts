/** Pull secrets come with the extension and must stay with the agent: nothing else ever shows one, whether the pull succeeds or not. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { NodeSchema } from '../../gen/envoy/config/core/v3/base_pb.ts'
import { fromDockerConfigJson, pushWasmImage, type RegistryServer, startRegistry } from '../oci/index.ts'
import { setLogLevel } from '../telemetry/log.ts'
import { AdsClient, AdsServer, type ExtensionReport, memoryTransport, TypeUrl } from '../xds/index.ts'
import { until } from '../xds/testing.ts'
import { startAgent } from './start.ts'
import { emptyModule, remoteExtension, temporaryFolder } from './testing.ts'

const PASSWORD = 'hunter2-of-the-registry'
const TOKEN = 'refresh-token-of-the-registry'
const auth = (user: string, password: string) => Buffer.from(`${user}:${password}`).toString('base64')
const folder = temporaryFolder()
let registry: RegistryServer

before(async () => {
  registry = await startRegistry({ dir: join(folder.path, 'registry'), port: 0, auth: { users: { ann: PASSWORD } } })
  const credentials = fromDockerConfigJson(secret({ auth: auth('ann', PASSWORD) }))
  await pushWasmImage({ ref: `${registry.address}/private:v1`, wasm: emptyModule(), credentials })
})
after(async () => {
  await registry.close()
  folder.remove()
})

function secret(entry: object): string {
  return JSON.stringify({ auths: { [registry.address]: entry } })
}

function filesBelow(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

describe('a pull secret', () => {
  const cases: [string, () => string, ExtensionReport['state']][] = [
    ['that is right', () => secret({ auth: auth('ann', PASSWORD) }), 'ready'],
    ['in fields', () => secret({ username: 'ann', password: PASSWORD }), 'ready'],
    ['that is wrong', () => secret({ auth: auth('bob', PASSWORD) }), 'failed'],
    ['with tokens', () => secret({ identitytoken: TOKEN, registrytoken: TOKEN }), 'failed'],
    ['for another registry', () => JSON.stringify({ auths: { 'h.test': { auth: auth('ann', PASSWORD) } } }), 'failed'],
    ['that is no JSON', () => `{"auths":{"${registry.address}":{"password":"${PASSWORD}"`, 'failed'],
    ['that is no user and password', () => secret({ auth: Buffer.from(PASSWORD).toString('base64') }), 'failed'],
  ]
  for (const [name, content, outcome] of cases) {
    it(`${name}: in no log, report, metric, file or resource for the proxy`, async (t) => {
      const logged: string[] = []
      t.mock.method(process.stderr, 'write', (text: string) => logged.push(text) > 0)
      setLogLevel('trace')
      const dir = join(folder.path, name.replaceAll(' ', '-'))
      const node = create(NodeSchema, { id: 'secrets' })
      let reports: readonly ExtensionReport[] = []
      const nacks: string[] = []
      const server = new AdsServer({
        onReports: (_, all) => {
          reports = all
        },
        onNack: ({ error }) => nacks.push(error),
      })
      const env = { ISTIO_META_WASM_IMAGE_PULL_SECRET: content(), ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION: '1' }
      const extension = remoteExtension('e', { url: `oci://${registry.address}/private:v1`, env })
      server.setSnapshot(node.id, { [TypeUrl.extension]: new Map([['e', extension]]) }, '1')
      const agent = await startAgent({ upstream: memoryTransport(server), cache: { dir }, trials: false })
      const given: string[] = []
      const client = new AdsClient({ transport: agent.transport, node }).handle(TypeUrl.extension, (resources) => {
        given.push(...resources.map(({ resource }) => Buffer.from(resource.value).toString('latin1')))
        return []
      })
      client.subscribe(TypeUrl.extension, ['e'])
      client.start()
      try {
        await until(() => reports[0]?.state === outcome, outcome)
        await until(() => given.length > 0, 'something for the proxy')
        const shown = {
          logs: logged.join(''),
          reports: JSON.stringify([reports, agent.reports(), await agent.notReady(), nacks]),
          metrics: agent.metrics.render(),
          files: filesBelow(dir)
            .map((file) => file + readFileSync(file, 'latin1'))
            .join('\n'),
          proxy: given.join(''),
        }
        assert.match(shown.logs, outcome === 'ready' ? /^/ : /error in converting/)
        for (const [place, text] of Object.entries(shown)) {
          for (const hidden of [PASSWORD, TOKEN, auth('ann', PASSWORD), auth('bob', PASSWORD), content()]) {
            assert.ok(!text.includes(hidden), `${place} shows ${hidden}`)
            assert.ok(!text.includes(Buffer.from(hidden).toString('base64')), `${place} shows ${hidden} in base64`)
          }
        }
      } finally {
        setLogLevel('info')
        client.close()
        await agent.close()
        server.close()
      }
    })
  }
})
