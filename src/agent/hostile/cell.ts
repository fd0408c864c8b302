import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { create, fromBinary } from '@bufbuild/protobuf'
import type { Any } from '@bufbuild/protobuf/wkt'
import { NodeSchema } from '../../../gen/envoy/config/core/v3/base_pb.ts'
import { TypedExtensionConfigSchema } from '../../../gen/envoy/config/core/v3/extension_pb.ts'
import { RBACSchema } from '../../../gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts'
import type { FailurePolicy } from '../../../gen/envoy/extensions/wasm/v3/wasm_pb.ts'
import { AdsClient, AdsServer, ConfigType, type ExtensionReport, memoryTransport, TypeUrl } from '../../xds/index.ts'
import { ModuleCache } from '../cache/module-cache.ts'
import { AdsInterposer } from '../interposer.ts'
import { remoteExtension, temporaryFolder } from '../testing.ts'

const node = create(NodeSchema, { id: 'hostile' })
const NAME = 'e'

/** What traffic meets. */
export type Traffic = 'denied' | 'passes without it' | 'module'

/** One extension between a control plane, an agent and a proxy, all in memory. */
export class Cell {
  readonly #folder = temporaryFolder()
  readonly #policy: FailurePolicy
  readonly #env: Record<string, string>
  readonly #timeoutMs: number
  readonly #server = new AdsServer({
    onReports: (_, reports) => {
      this.report = reports.find(({ name }) => name === NAME)
    },
    onNack: ({ error }) => this.nacks.push(error),
  })
  report: ExtensionReport | undefined
  /** Every content the proxy got, in order. */
  readonly traffic: Traffic[] = []
  readonly nacks: string[] = []
  #cache: ModuleCache | undefined
  #interposer: AdsInterposer | undefined
  #client: AdsClient | undefined
  #version = 0

  constructor(policy: FailurePolicy, env: Record<string, string>, timeoutMs: number) {
    this.#policy = policy
    this.#timeoutMs = timeoutMs
    this.#env = env
  }

  push(url: string): void {
    this.report = undefined
    const env = { ...this.#env, ISTIO_META_WASM_PLUGIN_RESOURCE_VERSION: String(++this.#version) }
    const resource = remoteExtension(NAME, { url, env, policy: this.#policy, timeoutMs: this.#timeoutMs })
    this.#server.setSnapshot(node.id, { [TypeUrl.extension]: new Map([[NAME, resource]]) }, String(this.#version))
  }

  /** Starts the agent, on what an earlier one left unless told. */
  async start(keepCache = true): Promise<void> {
    this.report = undefined
    if (!keepCache) renameSync(this.#dir, `${this.#dir}-${this.#version}`)
    this.#cache = await new ModuleCache({
      dir: this.#dir,
      registries: { retry: { attempts: 3, initialMs: 1, maxMs: 2 } },
      limits: { maxBytes: 1 << 20, maxRatio: 100 },
    }).open()
    this.#interposer = new AdsInterposer({
      upstream: memoryTransport(this.#server),
      cache: this.#cache,
      stateDir: this.#dir,
      openGraceMs: 20_000,
      heal: { initialMs: 20, maxMs: 50 },
    })
    this.#client = new AdsClient({ transport: this.#interposer.transport, node }).handle(
      TypeUrl.extension,
      (resources) => {
        for (const { resource } of resources) this.traffic.push(trafficOf(resource))
        return []
      },
    )
    this.#client.subscribe(TypeUrl.extension, [NAME])
    this.#client.start()
  }

  /** Ends the agent as a crash would: nothing is said to anybody. */
  stop(): void {
    this.#client?.close()
    this.#interposer?.close()
    this.#cache?.close()
  }

  async settled(): Promise<ExtensionReport> {
    await until(() => this.report?.state === 'failed' || this.report?.state === 'ready', 'an outcome')
    return this.report!
  }

  async ready(): Promise<void> {
    await until(() => this.report?.state === 'ready', 'ready')
  }

  /** Makes the cache's folder impossible to write to (as a full disk does, which a test cannot fill), and good again. */
  spoilDisk(): () => void {
    const tmp = join(this.#dir, 'tmp')
    renameSync(tmp, `${tmp}-kept`)
    writeFileSync(tmp, '')
    return () => {
      renameSync(tmp, `${tmp}-file`)
      renameSync(`${tmp}-kept`, tmp)
    }
  }

  close(): void {
    this.stop()
    this.#server.close()
    this.#folder.remove()
  }

  get #dir(): string {
    return join(this.#folder.path, 'cache')
  }
}

async function until(met: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!met()) {
    if (Date.now() > deadline) throw new Error(`${what} did not come true`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

function trafficOf(any: Any): Traffic {
  const { typedConfig } = fromBinary(TypedExtensionConfigSchema, any.value)
  if (typedConfig?.typeUrl !== ConfigType.httpRbac) return 'module'
  return fromBinary(RBACSchema, typedConfig.value).rules === undefined ? 'passes without it' : 'denied'
}
