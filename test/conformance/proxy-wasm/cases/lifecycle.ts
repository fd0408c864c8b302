/** Contexts: their order of birth and death, configuration, VM sharing, failure policies, capabilities. */
import type { Case } from '../case.ts'
import { program } from './build.ts'

const HOST = 'proxy-wasm-cpp-host: '
const ENVOY = 'Envoy source/extensions/common/wasm: '
const SPEC = 'proxy-wasm/spec abi-versions/v0.2.1: '

const order: Case[] = [
  {
    id: 'life-http',
    source: `${ENVOY}log comes before done and delete`,
    config: program(`[context_create]
    say "create"
    [request_headers]
    say "request headers"
    [request_body#1]
    say "request body"
    [request_trailers]
    say "request trailers"
    [response_headers]
    say "response headers"
    [response_body#1]
    say "response body"
    [response_trailers]
    say "response trailers"
    [log]
    say "log"
    [done]
    say "done"
    [delete]
    say "delete"`),
    exchanges: [
      {
        request: { method: 'POST', body: ['a'], trailers: [['t', '1']] },
        upstream: { body: ['b'], trailers: [['u', '1']] },
      },
    ],
    log: [
      'create',
      'request headers',
      'request body',
      'request trailers',
      'response headers',
      'response body',
      'response trailers',
      'log',
      'done',
      'delete',
    ],
  },
  {
    id: 'life-done-false',
    source: `${ENVOY}what done returns is of no consequence for a stream`,
    config: program(`[done]
    say "done"
    return 0
    [delete]
    say "delete"`),
    log: ['done', 'delete'],
  },
  {
    id: 'life-local-reply',
    source: `${ENVOY}a stream that was answered ends as others do`,
    config: program(`[request_headers]
    ~send_local_response 403 "d" "no" "" -1
    return 1
    [log]
    say "log"
    [done]
    say "done"
    [delete]
    say "delete"`),
    exchanges: [{ expect: { status: 403 } }],
    log: ['log', 'done', 'delete'],
  },
  {
    id: 'life-reset',
    source: `${ENVOY}a stream that was reset ends as others do`,
    config: program(`[request_headers]
    ~close_stream 0
    return 1
    [log]
    say "log"
    [done]
    say "done"
    [delete]
    say "delete"`),
    exchanges: [{ expect: { status: 0 } }],
    log: ['log', 'done', 'delete'],
  },
  {
    id: 'life-two-streams',
    source: `${HOST}each stream has a context of its own`,
    config: program(`[request_headers#1]
    set first $ctx
    [request_headers#2]
    set_effective_context $first
    say "second"`),
    exchanges: [{}, {}],
    log: ['set_effective_context 2', 'second'],
  },
  {
    id: 'life-log-maps',
    source: `${ENVOY}headers in the log callback: readable`,
    config: program(`[log]
    get_header_map_value 0 ":path" >s
    get_header_map_value 2 ":status" >s
    get_header_map_value 2 "none" >s`),
    log: ['get_header_map_value 0 "/"', 'get_header_map_value 0 "200"', 'get_header_map_value 1'],
  },
  {
    id: 'life-log-maps-write',
    source: `${ENVOY}headers in the log callback: not writable`,
    config: program(`[log]
    add_header_map_value 0 "a" "b"
    replace_header_map_value 2 "a" "b"
    remove_header_map_value 2 "a"`),
    log: ['add_header_map_value 2', 'replace_header_map_value 2', 'remove_header_map_value 2'],
  },
  {
    id: 'life-log-trailers',
    source: `${ENVOY}response trailers in the log callback`,
    config: '[log]\nget_header_map_value 3 "u" >s',
    exchanges: [{ upstream: { body: ['a'], trailers: [['u', '1']] } }],
    log: ['get_header_map_value 0 "1"'],
  },
  {
    id: 'life-log-no-trailers',
    source: `${ENVOY}a map that is not there is NOT_FOUND in the log callback`,
    config: '[log]\nget_header_map_value 3 "u" >s\nget_header_map_size 3 >u',
    log: ['get_header_map_value 1', 'get_header_map_size 2'],
  },
]

const configuring: Case[] = [
  {
    id: 'configure-size',
    source: `${SPEC}proxy_on_configure: plugin_configuration_size`,
    config: '[configure]\nsay $a1',
    startLog: ['19'],
  },
  {
    id: 'configure-refuses',
    source: `${SPEC}false from proxy_on_configure refuses the plugin`,
    config: '[configure]\nreturn 0',
    refused: /SL4011/,
  },
  {
    id: 'configure-traps',
    source: `${ENVOY}a trap while configuring refuses the plugin`,
    config: '[configure]\ntrap',
    plugin: { vmId: 'vm-configure-traps' },
    refused: /SL40(09|11|12)/,
  },
  {
    id: 'configure-empty',
    source: `${SPEC}an empty configuration`,
    config: '',
    exchanges: [{ expect: { upstream: { path: '/' } } }],
    log: [],
  },
  {
    id: 'tick',
    source: `${SPEC}proxy_set_tick_period_milliseconds, proxy_on_tick`,
    config: program(`[configure]
    ~set_tick_period_milliseconds 20
    [tick#1]
    say "one"
    [tick#2]
    say "two"
    ~set_tick_period_milliseconds 0
    [tick#3]
    say "three"`),
    logIncludes: ['one', 'two'],
  },
  {
    id: 'tick-off',
    source: `${SPEC}period 0 turns ticks off`,
    config: program(`[configure]
    ~set_tick_period_milliseconds 20
    ~set_tick_period_milliseconds 0
    [tick]
    say "tick"`),
    log: [],
    startLog: [],
  },
  {
    id: 'root-no-stream',
    source: `${ENVOY}header maps on a root context`,
    config: program(`[configure]
    get_header_map_value 0 "a" >s
    get_header_map_pairs 0 >m
    add_header_map_value 0 "a" "b"`),
    startLog: ['get_header_map_value 2', 'get_header_map_pairs 0 {}', 'add_header_map_value 2'],
  },
  {
    id: 'root-continue',
    source: `${ENVOY}no stream to continue on a root context`,
    config: program(`[configure]
    continue_stream 4
    close_stream 4`),
    startLog: ['continue_stream 2', 'close_stream 2'],
  },
]

const sharing: Case[] = [
  {
    id: 'vm-shared-one',
    source: `${ENVOY}plugins with one VM key share the VM, each with a root context`,
    plugin: { vmId: 'vm-pair', rootId: 'one' },
    config: '[request_headers]\nget_property "plugin_root_id" >s\nget_property "plugin_name" >s',
    log: ['get_property 0 "one"', 'get_property 0 "vm-shared-one"'],
  },
  {
    id: 'vm-shared-two',
    source: `${ENVOY}plugins with one VM key share the VM, each with a root context`,
    plugin: { vmId: 'vm-pair', rootId: 'two' },
    config: '[request_headers]\nget_property "plugin_root_id" >s\nget_property "plugin_name" >s',
    log: ['get_property 0 "two"', 'get_property 0 "vm-shared-two"'],
  },
  {
    id: 'vm-configuration-each',
    source: `${ENVOY}the VM configuration is part of the VM key`,
    plugin: { vmId: 'vm-pair', vmConfig: 'other' },
    config: '[request_headers]\nget_buffer_bytes 6 0 100 >s',
    log: ['get_buffer_bytes 0 "other"'],
  },
  {
    id: 'vm-failure-shared',
    source: `${ENVOY}a trap ends the VM for all its plugins: 503`,
    plugin: { vmId: 'vm-trapped' },
    config: '[request_headers]\ntrap',
    exchanges: [{ expect: { status: 503, upstream: null } }, { expect: { status: 503, upstream: null } }],
  },
]

const TRAPS: readonly [string, string, string][] = [
  ['request-headers', '[request_headers]\ntrap', 'GET'],
  ['request-body', '[request_headers]\nreturn 1\n[request_body]\ntrap', 'POST'],
  ['request-trailers', '[request_headers]\nreturn 1\n[request_body]\nreturn 1\n[request_trailers]\ntrap', 'POST'],
  ['response-headers', '[response_headers]\ntrap', 'GET'],
  ['context-create', '[context_create]\ntrap', 'GET'],
]

const failures: Case[] = [
  ...TRAPS.flatMap(([name, config, method]): Case[] => {
    const request = method === 'GET' ? {} : { method, body: ['ab'], trailers: [['t', '1']] as const }
    const vmId = `vm-trap-${name}`
    return [
      {
        id: `trap-closed-${name}`,
        source: `${ENVOY}FAIL_CLOSED: the stream and all later ones are answered 503`,
        plugin: { vmId, failurePolicy: 'FAIL_CLOSED', allowOnHeadersStopIteration: true },
        config,
        exchanges: [{ request, expect: { status: 503 } }, { expect: { status: 503, upstream: null } }],
      },
      {
        id: `trap-open-${name}`,
        source: `${ENVOY}FAIL_OPEN: later streams pass by the plugin`,
        plugin: { vmId: `${vmId}-open`, failurePolicy: 'FAIL_OPEN', allowOnHeadersStopIteration: true },
        config,
        exchanges: [{ request, expect: { status: 200 } }, { expect: { status: 200, upstream: { path: '/' } } }],
      },
    ]
  }),
  {
    id: 'trap-reload',
    source: `${ENVOY}FAIL_RELOAD: within the back-off the plugin fails closed`,
    plugin: { vmId: 'vm-reload', failurePolicy: 'FAIL_RELOAD' },
    config: '[request_headers#1]\ntrap\n[request_headers]\nsay "alive"',
    exchanges: [{ expect: { status: 503 } }],
  },
  {
    id: 'trap-while-a-request-waits',
    source: `${ENVOY}the VM that a stream waits for is ended by another stream`,
    plugin: { vmId: 'vm-trap-waits' },
    config: '[request_headers#1]\nreturn 1\n[request_headers#2]\ntrap',
    overlapping: true,
    accessLog: true,
    exchanges: ['0', '1'].map((nth) => ({
      request: { headers: [['x-nth', nth]] },
      expect: { status: 503, upstream: null },
    })),
    needsProxy: true,
  },
  {
    id: 'trap-while-a-response-waits',
    source: `${ENVOY}the VM that a stream waits for is ended by another stream`,
    plugin: { vmId: 'vm-trap-response-waits' },
    config: '[response_headers#1]\nreturn 1\n[response_headers#2]\ntrap',
    overlapping: true,
    accessLog: true,
    exchanges: ['0', '1'].map((nth) => ({
      request: { headers: [['x-nth', nth]] },
      expect: { status: 503, upstream: { path: '/' } },
    })),
    needsProxy: true,
  },
  {
    id: 'trap-apart',
    source: `${ENVOY}the VM of another plugin in the chain goes on, and sees the answer for the one that failed`,
    plugin: { vmId: 'vm-trap-apart' },
    config: '[request_headers]\nsay "first"\n[response_headers]\nget_header_map_value 2 ":status" >s',
    second: '[request_headers]\ntrap',
    secondVmId: 'vm-trap-apart-second',
    logIncludes: ['first', 'get_header_map_value 0 "503"'],
    exchanges: [{ expect: { status: 503, upstream: null } }],
    needsProxy: true,
  },
  {
    id: 'trap-response-callbacks',
    source: `${ENVOY}after a failure the stream's response callbacks are not called`,
    plugin: { vmId: 'vm-trap-silent' },
    config: '[request_headers]\ntrap\n[response_headers]\nsay "called"\n[log]\nsay "logged"',
    exchanges: [{ expect: { status: 503 } }],
    logIncludes: [],
  },
  {
    id: 'trap-grpc',
    needsProxy: true,
    source: `${ENVOY}failStream answers gRPC with UNAVAILABLE`,
    plugin: { vmId: 'vm-trap-grpc' },
    config: '[request_headers]\ntrap',
    exchanges: [
      {
        request: { method: 'POST', headers: [['content-type', 'application/grpc']] },
        expect: { status: 200, response: { headers: { 'grpc-status': '14' } } },
      },
    ],
  },
  {
    id: 'trap-recursion',
    source: 'a stack overflow is a trap',
    plugin: { vmId: 'vm-recursion' },
    config: '[request_headers]\nrecurse',
    exchanges: [{ expect: { status: 503, upstream: null } }],
  },
  {
    id: 'trap-loop',
    source: 'an endless loop costs its request only',
    plugin: { vmId: 'vm-spin' },
    config: '[request_headers]\nspin',
    exchanges: [{ expect: { status: 503, upstream: null } }],
    hostOnly: 'Envoy has no limit: the worker hangs for ever',
  },
  {
    id: 'trap-memory',
    source: 'memory beyond the limit is refused to the module, which goes on',
    plugin: { vmId: 'vm-grow' },
    config: '[request_headers]\ngrow 60000',
    exchanges: [{ expect: { upstream: { path: '/' } } }],
    log: ['grow -1'],
  },
]

const capabilities: Case[] = [
  {
    id: 'capability-denied',
    source: `${HOST}a host function that is not allowed returns INTERNAL_FAILURE`,
    plugin: {
      vmId: 'vm-cap-1',
      allowedCapabilities: [
        'proxy_log',
        'proxy_get_buffer_bytes',
        'proxy_on_configure',
        'proxy_on_context_create',
        'proxy_on_request_headers',
        'proxy_on_vm_start',
      ],
    },
    config: '[request_headers]\nget_header_map_value 0 ":path" >s',
    logIncludes: ['get_header_map_value 10'],
  },
  {
    id: 'capability-allowed',
    source: `${HOST}a host function that is allowed works`,
    plugin: {
      vmId: 'vm-cap-2',
      allowedCapabilities: [
        'proxy_log',
        'proxy_get_buffer_bytes',
        'proxy_on_configure',
        'proxy_on_context_create',
        'proxy_on_request_headers',
        'proxy_get_header_map_value',
      ],
    },
    config: '[request_headers]\nget_header_map_value 0 ":path" >s',
    log: ['get_header_map_value 0 "/"'],
  },
  {
    id: 'capability-callback',
    source: `${HOST}a callback that is not allowed is not called`,
    plugin: {
      vmId: 'vm-cap-3',
      allowedCapabilities: [
        'proxy_log',
        'proxy_get_buffer_bytes',
        'proxy_on_configure',
        'proxy_on_context_create',
        'proxy_on_request_headers',
      ],
    },
    config: '[request_headers]\nsay "request"\n[response_headers]\nsay "response"\n[log]\nsay "log"',
    log: ['request'],
  },
]

export const cases: Case[] = [...order, ...configuring, ...sharing, ...failures, ...capabilities]
