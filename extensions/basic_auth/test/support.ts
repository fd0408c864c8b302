import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Abi, buildExtension } from '../../../sdk/assemblyscript/build.ts'
import {
  type CompiledModule,
  createTestHost,
  type Plugin,
  type TestHost,
  type TestStream,
} from '../../../src/wasm/index.ts'

export const ABIS: readonly Abi[] = ['0.1.0', '0.2.0', '0.2.1']

const ENTRY = fileURLToPath(new URL('../assembly/index.ts', import.meta.url))

/** Built once and kept by the hash of its sources. */
export function buildFor(abi: Abi): Promise<Uint8Array> {
  return buildExtension(ENTRY, { abi, cacheDir: join(tmpdir(), 'sluice-extensions') })
}

export async function moduleOf(abi: Abi): Promise<CompiledModule> {
  return createTestHost().compile(await buildFor(abi))
}

export interface Answer {
  readonly status: number
  readonly challenge: string | undefined
  readonly details: string
}

/** One configured basic_auth. */
export class Subject {
  readonly host: TestHost
  readonly plugin: Plugin

  constructor(module: CompiledModule, configuration: string) {
    this.host = createTestHost()
    this.plugin = this.host.start(module, { name: 'basic_auth', configuration })
  }

  /** Undefined when the request goes on; it must go on unchanged then. */
  ask(headers: Readonly<Record<string, string>>): Answer | undefined {
    const stream: TestStream = this.host.stream(this.plugin)
    const sent = Object.entries(headers)
    const outcome = stream.request(sent)
    if (stream.failure !== undefined) throw new Error(JSON.stringify(stream.failure))
    const reply = stream.localReply
    stream.finish()
    if (reply === undefined) {
      if (outcome !== 'continue') throw new Error(`the request is ${outcome} without an answer`)
      const after = [...stream.requestHeaders!.flat]
      for (const [name, value] of sent)
        if (after[after.indexOf(name) + 1] !== value) throw new Error(`${name} was changed`)
      return undefined
    }
    // Its own answer passes through it too; the status of the request's callback is the last.
    if (stream.statuses.at(-1) === 0) throw new Error('answered, but the callback did not stop the request')
    const challenge = reply.headers.findIndex((each, i) => i % 2 === 0 && each.toLowerCase() === 'www-authenticate')
    if (reply.body.length !== 0) throw new Error('the body is not empty')
    return { status: reply.status, challenge: reply.headers[challenge + 1], details: reply.details }
  }
}

export const basic = (credentials: string) => `Basic ${Buffer.from(credentials).toString('base64')}`
