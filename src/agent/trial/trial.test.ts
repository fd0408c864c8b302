import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { anyPack, StringValueSchema } from '@bufbuild/protobuf/wkt'
import wabt from 'wabt'
import { type PluginConfig, PluginConfigSchema } from '../../../gen/envoy/extensions/wasm/v3/wasm_pb.ts'
import { packagePath } from '../../base/package-root.ts'
import { emptyModule, temporaryFolder } from '../testing.ts'
import { TrialThreads } from './trial-threads.ts'

const folder = temporaryFolder()
// Long enough for a thread to start on a machine that does much else.
const threads = new TrialThreads({ deadlineMs: 30_000 })
after(() => {
  threads.close()
  folder.remove()
})

const { parseWat } = await wabt()
let count = 0

function plugin(bytes: Uint8Array, configuration = ''): PluginConfig {
  const filename = join(folder.path, `${count++}.wasm`)
  writeFileSync(filename, bytes)
  return create(PluginConfigSchema, {
    name: 'trial',
    configuration: anyPack(StringValueSchema, create(StringValueSchema, { value: configuration })),
    vm: {
      case: 'vmConfig',
      value: {
        runtime: 'envoy.wasm.runtime.v8',
        code: { specifier: { case: 'local', value: { specifier: { case: 'filename', value: filename } } } },
      },
    },
  })
}

/** A module of ABI 0.2.1 with these parts. */
function module({ start = 'i32.const 1', configure = 'i32.const 1', more = '', abi = 'proxy_abi_version_0_2_1' } = {}) {
  const text = `(module
    ${more}
    (memory (export "memory") 1)
    (func (export "${abi}"))
    (func (export "proxy_on_memory_allocate") (param i32) (result i32) (i32.const 1024))
    (func (export "proxy_on_context_create") (param i32 i32))
    (func (export "proxy_on_vm_start") (param i32 i32) (result i32) ${start})
    (func (export "proxy_on_configure") (param i32 i32) (result i32) ${configure}))`
  return Buffer.from(parseWat('trial.wat', text).toBinary({}).buffer)
}

describe('trial before traffic', () => {
  it('lets a good module pass, again and again on one thread', async () => {
    for (let i = 0; i < 3; i++) await threads.try(plugin(module()))
  })

  const bad: [string, Uint8Array, RegExp][] = [
    ['wrong ABI', module({ abi: 'proxy_abi_version_9_9_9' }), /^SL4003$/],
    ['no ABI at all', emptyModule(), /^SL4003$/],
    ['missing import', module({ more: '(import "env" "proxy_made_up" (func))' }), /^SL4004$/],
    ['start trap', module({ start: 'unreachable' }), /^SL40/],
    ['start refuses', module({ start: 'i32.const 0' }), /^SL4010$/],
    ['configure refuses', module({ configure: 'i32.const 0' }), /^SL4011$/],
    ['configure traps', module({ configure: 'unreachable' }), /^SL40/],
    ['endless start', module({ start: '(loop $l (br $l)) i32.const 1' }), /^SL(?:40|3033)/],
    ['not Wasm', Buffer.from('hello, world'), /^SL4001$/],
  ]
  for (const [name, bytes, code] of bad) {
    it(name, async () => {
      await assert.rejects(threads.try(plugin(bytes)), (error: { code: string }) => code.test(error.code))
    })
  }

  it('a thread that is lost to its deadline does not hold up the next trial', async () => {
    const hasty = new TrialThreads({ deadlineMs: 1, threads: 1 })
    await assert.rejects(hasty.try(plugin(module({ start: '(loop $l (br $l)) i32.const 1' }))), { code: 'SL3033' })
    hasty.close()
    await threads.try(plugin(module()))
  })

  const real = packagePath('../shared/modules/go-http-headers.wasm')
  it('a module that wants a configuration says so', {
    skip: existsSync(real) ? false : 'no module built elsewhere',
  }, async () => {
    const bytes = readFileSync(real)
    await threads.try(plugin(bytes, '{"header":"x-a","value":"b"}'))
    await assert.rejects(threads.try(plugin(bytes, '{"header":')), (error: { code: string }) => error.code === 'SL4011')
  })
})
