/** Services: plugins of the bootstrap (envoy.bootstrap.wasm), without traffic. */
import type { Case } from '../case.ts'
import { program } from './build.ts'

const ENVOY = 'Envoy source/extensions/bootstrap/wasm: '
const SPEC = 'proxy-wasm/spec abi-versions/v0.2.1: '
const GET = 'm":method=GET;:path=/callout/200;:authority=a" "" m"" 20000'

/** What must be so for a service of each worker and for a single one. */
function both(id: string, source: string, config: string, more: Partial<Case>): Case[] {
  return (['service', 'singleton'] as const).map((kind) => ({
    id: `${kind}-${id}`,
    kind,
    source: `${ENVOY}${source}`,
    plugin: { vmId: `vm-${kind}-${id}` },
    config: program(config),
    ...more,
  }))
}

export const cases: Case[] = [
  ...both('start', 'the root context is configured before there is traffic', '[configure]\nsay "configured" $a1', {
    startLog: [/^configured \d+$/],
    log: [],
  }),
  ...both('tick', 'timers', '[configure]\n~set_tick_period_milliseconds 20\n[tick#1]\nsay "one"\n[tick#2]\nsay "two"', {
    logIncludes: ['one', 'two'],
  }),
  ...both(
    'call',
    'callouts to clusters, at the start and later',
    `[configure]
    http_call "upstream" ${GET} >u
    ~set_tick_period_milliseconds 20
    [tick#1]
    http_call "upstream" ${GET} >u
    http_call "none" ${GET} >u
    [http_call_response]
    get_header_map_value 6 ":status" >s`,
    {
      logIncludes: ['http_call 0 4', 'http_call 0 8', 'http_call 2', 'get_header_map_value 0 "200"'],
    },
  ),
  ...both(
    'grpc',
    'gRPC callouts',
    `[configure]
    grpc_call "grpc" "test.Service" "Echo" m"" "hello" 20000 >u
    [grpc_receive]
    get_buffer_bytes 5 0 100 >s`,
    { logIncludes: ['grpc_call 0 5', 'get_buffer_bytes 0 "hello"'] },
  ),
  ...both(
    'no-stream',
    'there is no stream',
    `[configure]
    get_header_map_value 0 ":path" >s
    get_header_map_pairs 0 >m
    set_property "x" "y"
    send_local_response 200 "" "" m"" -1
    continue_stream 0
    close_stream 1`,
    {
      startLog: [
        'get_header_map_value 2',
        'get_header_map_pairs 0 {}',
        'set_property 1',
        'send_local_response 0',
        'continue_stream 0',
        'close_stream 0',
      ],
    },
  ),
  ...both(
    'properties',
    'the node and the plugin are known, and no listener',
    `[configure]
    get_property "xds\\x00node\\x00id" >s
    get_property "plugin_vm_id" >s
    get_property "xds\\x00listener_direction" >s
    get_property "request\\x00path" >s`,
    {
      startLog: ['get_property 0 "node-1"', /^get_property 0 "vm-s/, 'get_property 1', 'get_property 1'],
    },
  ),
  ...both(
    'metric',
    'metrics',
    `[configure]
    ~define_metric 0 "service_metric" >u=m
    ~increment_metric $m 3L
    ~set_tick_period_milliseconds 20
    [tick#1]
    get_metric $m >q`,
    { logIncludes: [/^get_metric 0 \d+$/] },
  ),
  ...both(
    'trap',
    'a service that traps costs no request',
    '[configure]\n~set_tick_period_milliseconds 20\n[tick]\nsay "tick"\ntrap',
    { exchanges: [{ expect: { response: { body: 'upstream' } } }], logIncludes: ['tick'] },
  ),
  ...both(
    'reload',
    'a service that traps is started again',
    '[configure]\nsay "configured"\n~set_tick_period_milliseconds 20\n[tick]\nsay "tick"\ntrap',
    {
      hostOnly: 'Envoy never starts a dead service again',
      plugin: { vmId: 'vm-service-reload', failurePolicy: 'FAIL_RELOAD' },
      logIncludes: ['tick', 'configured', 'tick'],
    },
  ).map((one) => ({ ...one, plugin: { ...one.plugin, vmId: `vm-${one.id}` } })),
  ...both(
    'refused',
    'a service that refuses its configuration keeps the proxy from starting',
    '[configure]\nreturn 0',
    {
      hostOnly: 'Envoy ends',
      refused: /SL4011/,
    },
  ),
  {
    id: 'singleton-queue',
    kind: 'singleton',
    source: `${SPEC}a queue between a service and a filter of another VM, on another thread`,
    plugin: { vmId: 'vm-singleton-queue' },
    config: program(`[configure]
    ~register_shared_queue "jobs" >u=q
    [queue_ready]
    dequeue_shared_queue $q >s`),
    filter: {
      config:
        '[request_headers]\nresolve_shared_queue "vm-singleton-queue" "jobs" >u=q\nenqueue_shared_queue $q "a job"',
    },
    logIncludes: ['dequeue_shared_queue 0 "a job"'],
  },
  {
    id: 'service-queue',
    kind: 'service',
    source: `${SPEC}a queue between a service and a filter of another VM`,
    plugin: { vmId: 'vm-service-queue' },
    config: program(`[configure]
    ~register_shared_queue "jobs" >u=q
    [queue_ready]
    dequeue_shared_queue $q >s`),
    filter: {
      config: '[request_headers]\nresolve_shared_queue "vm-service-queue" "jobs" >u=q\nenqueue_shared_queue $q "a job"',
    },
    logIncludes: ['dequeue_shared_queue 0 "a job"'],
  },
  {
    id: 'singleton-shared-data',
    kind: 'singleton',
    source: `${SPEC}shared data of one vm_id, between threads`,
    plugin: { vmId: 'vm-singleton-data' },
    config: program(`[configure]
    ~set_tick_period_milliseconds 20
    [tick]
    get_shared_data "k" >s >u`),
    filter: { vmId: 'vm-singleton-data', config: '[request_headers]\nset_shared_data "k" "of the filter" 0' },
    logIncludes: [/^get_shared_data 0 "of the filter"/],
  },
]
