/** Loading and starting modules: which are refused, in what order the entry points run, what may be called when. */
import type { Case } from '../case.ts'
import { NO_MODULES } from '../modules/loading.ts'

const HOST = 'proxy-wasm-cpp-host wasm.cc, '
const SPEC = 'proxy-wasm/spec abi-versions/v0.2.1: '

const accepted = (name: string, source: string, log: Case['log'] = ['request'], more: Partial<Case> = {}): Case => ({
  id: `load-${name}`,
  source,
  module: name,
  plugin: { vmId: `vm-load-${name}` },
  log,
  exchanges: [{ expect: { upstream: { path: '/' } } }],
  ...more,
})
const refused = (name: string, source: string, code: RegExp): Case => ({
  id: `load-${name}`,
  source,
  module: name,
  plugin: { vmId: `vm-load-${name}` },
  refused: code,
})
const fails = (name: string, source: string, log?: Case['log']): Case => ({
  id: `load-${name}`,
  source,
  module: name,
  plugin: { vmId: `vm-load-${name}` },
  exchanges: [{ expect: { status: 503, upstream: null } }],
  ...(log === undefined ? {} : { log }),
})

const versions: Case[] = [
  accepted('abi-0.1.0', `${SPEC}ABI 0.1.0`),
  accepted('abi-0.2.0', `${SPEC}ABI 0.2.0`),
  accepted('abi-0.2.1', `${SPEC}ABI 0.2.1`),
  accepted('abi-two-old-first', `${HOST}the first marker among the exports counts`),
  accepted('abi-two-new-first', `${HOST}the first marker among the exports counts`),
  accepted('abi-marker-with-parameter', `${HOST}the marker's type does not count`),
  refused('abi-none', `${HOST}Missing or unknown Proxy-Wasm ABI version`, /SL4003/),
  refused('abi-0.3.0', `${HOST}Missing or unknown Proxy-Wasm ABI version`, /SL4003/),
  ...Object.keys(NO_MODULES).map((name) =>
    refused(name, 'WebAssembly core specification, 5: binary format', /SL400[123]/),
  ),
]

const allocators: Case[] = [
  accepted('allocator-malloc', `${SPEC}malloc`, ['malloc']),
  accepted('allocator-proxy', `${SPEC}proxy_on_memory_allocate`, ['allocate']),
  accepted('allocator-both', `${HOST}of both, malloc is taken`, ['malloc']),
  accepted('allocator-end', 'what ends with the memory is within it', ['elsewhere'], {
    plugin: { vmId: 'vm-load-allocator-end', rootId: '12345678' },
  }),
  accepted('allocator-grows', 'the allocator may grow the memory', ['elsewhere']),
  refused('allocator-none', `${HOST}an allocator is needed`, /SL4007/),
  refused('allocator-wrong-type', `${HOST}exports with a wrong type`, /SL4006|SL4007/),
  fails('allocator-null', 'a module that cannot allocate is broken'),
  fails('allocator-outside', 'a module that cannot allocate is broken'),
  fails('allocator-traps', `${HOST}a trap is a trap`),
  fails('allocator-calls-host', `${HOST}host functions are restricted while the module allocates`),
]

/** The module keeps which of its entry points ran: 1 _initialize, 2 _start, 3 main, 4 __main_void. */
const entries: Case[] = (
  [
    ['none', '0000'],
    ['initialize', '0001'],
    ['start', '0002'],
    ['initialize-and-start', '0001'],
    ['initialize-and-main', '0013'],
    ['initialize-and-main-void', '0014'],
    ['initialize-and-both-mains', '0013'],
    ['start-and-main', '0002'],
    ['main-only', '0000'],
  ] as const
).map(([name, ran]) =>
  accepted(`entry-${name}`, `${HOST}startVm: _initialize, then main or __main_void; else _start`, [ran]),
)

const starting: Case[] = [
  accepted('start-logs', `${HOST}proxy_log may be called while starting`),
  accepted('start-writes', `${HOST}fd_write may be called while starting`),
  accepted('start-exits', `${HOST}proc_exit returns`),
  refused('start-sets-tick', `${HOST}host functions are restricted while starting`, /SL4015|SL4009/),
  refused('initialize-gets-property', `${HOST}host functions are restricted while starting`, /SL4015|SL4009/),
  refused('start-traps', `${HOST}a trap while starting`, /SL4009|SL4012/),
  refused('start-exits-and-traps', `${HOST}proc_exit returns, and the module traps`, /SL4009|SL4012/),
  refused('vm-start-false', `${SPEC}false from proxy_on_vm_start`, /SL4010/),
  refused('vm-start-traps', `${HOST}a trap in proxy_on_vm_start`, /SL4009|SL4012/),
  refused('configure-false', `${SPEC}false from proxy_on_configure`, /SL4011/),
  refused('create-traps', `${HOST}a trap in proxy_on_context_create of the root`, /SL4009|SL4012/),
]

const linking: Case[] = [
  refused('import-unknown', `${HOST}an import that the host does not have`, /SL4004.*proxy_no_such_function/s),
  refused('import-unknown-module', `${HOST}an import that the host does not have`, /SL4004.*somewhere/s),
  refused('import-unknown-wasi', `${HOST}an import that the host does not have`, /SL4004.*fd_no_such/s),
  refused('import-wrong-type', `${HOST}an import with another type`, /SL4005.*proxy_get_status/s),
  refused('import-wrong-result', `${HOST}an import with another type`, /SL4005.*proxy_done/s),
  refused('import-global', `${HOST}globals cannot be imported`, /SL400[45]/),
  accepted('import-emscripten', `${HOST}emscripten's helpers`),
  refused('callback-too-few', `${HOST}a callback with another type`, /SL4006.*proxy_on_request_headers/s),
  refused(
    'callback-too-many-0.1.0',
    `${HOST}ABI 0.1.0 has no end_of_stream for headers`,
    /SL4006.*proxy_on_request_headers/s,
  ),
  refused('callback-no-result', `${HOST}a callback with another type`, /SL4006.*proxy_on_request_body/s),
  refused('callback-wide', `${HOST}a callback with another type`, /SL4006.*proxy_on_tick/s),
  accepted('callback-none', `${SPEC}every callback is optional`, []),
  accepted('callback-misnamed', `${HOST}exports of other names are not called`),
  accepted('import-of-another-version', 'a tolerant host provides every function to every version'),
]

export const cases: Case[] = [...versions, ...allocators, ...entries, ...starting, ...linking]
