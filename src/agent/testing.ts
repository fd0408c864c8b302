/** Helpers of this room's tests. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { type Any, AnySchema, anyPack, durationFromMs } from '@bufbuild/protobuf/wkt'
import { TypedExtensionConfigSchema } from '../../gen/envoy/config/core/v3/extension_pb.ts'
import { WasmSchema } from '../../gen/envoy/extensions/filters/http/wasm/v3/wasm_pb.ts'
import { WasmSchema as NetworkWasmSchema } from '../../gen/envoy/extensions/filters/network/wasm/v3/wasm_pb.ts'
import { FailurePolicy, type PluginConfigSchema } from '../../gen/envoy/extensions/wasm/v3/wasm_pb.ts'
import { TypeUrl } from '../xds/index.ts'

/** A module that is valid and empty but for `salt`, which makes its digest its own (a custom section). */
export function emptyModule(salt = ''): Buffer {
  const header = Buffer.from('\0asm\x01\0\0\0', 'latin1')
  if (salt === '') return header
  const content = Buffer.concat([Buffer.from([1]), Buffer.from('x'), Buffer.from(salt)])
  if (content.length > 127) throw new Error('the salt is too long')
  return Buffer.concat([header, Buffer.from([0, content.length]), content])
}

export function temporaryFolder(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'sluice-agent-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 }) }
}

export interface TestServer {
  readonly url: string
  readonly host: string
  /** Paths in the order of their requests. */
  readonly requests: string[]
  close(): Promise<void>
}

/** An HTTP server that answers as told and remembers what it was asked. */
export async function serve(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<TestServer> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(request.url ?? '')
    handle(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A test that fails before it closes the server must not hang the run.
  server.unref()
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: `http://${host}`,
    host,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

export interface RemoteExtension {
  readonly url?: string
  readonly sha256?: string
  readonly env?: Record<string, string>
  readonly hostEnv?: string[]
  readonly policy?: FailurePolicy
  readonly failOpen?: boolean
  readonly timeoutMs?: number
  readonly network?: boolean
  readonly code?: 'remote' | 'none' | 'no-uri'
}

/** An ECDS resource as the control plane builds it. */
export function remoteExtension(name: string, options: RemoteExtension = {}): Any {
  const { url = '', sha256 = '', env = {}, hostEnv = [], policy = FailurePolicy.FAIL_CLOSED } = options
  const { timeoutMs = 30_000, network = false, code = 'remote', failOpen = false } = options
  const httpUri = {
    uri: url,
    httpUpstreamType: { case: 'cluster' as const, value: '_' },
    timeout: durationFromMs(timeoutMs),
  }
  const remote = { case: 'remote' as const, value: { sha256, ...(code === 'no-uri' ? {} : { httpUri }) } }
  const vm = {
    runtime: 'envoy.wasm.runtime.v8',
    ...(code === 'none' ? {} : { code: { specifier: remote } }),
    environmentVariables: { keyValues: env, hostEnvKeys: hostEnv },
  }
  const config: MessageInitShape<typeof PluginConfigSchema> = {
    name,
    failurePolicy: policy,
    failOpen,
    vm: { case: 'vmConfig', value: vm },
  }
  const packed = network
    ? anyPack(NetworkWasmSchema, create(NetworkWasmSchema, { config }))
    : anyPack(WasmSchema, create(WasmSchema, { config }))
  return typedExtension(name, packed)
}

export function typedExtension(name: string, typedConfig: Any | undefined): Any {
  const typed = create(TypedExtensionConfigSchema, { name, ...(typedConfig === undefined ? {} : { typedConfig }) })
  return create(AnySchema, { typeUrl: TypeUrl.extension, value: toBinary(TypedExtensionConfigSchema, typed) })
}
