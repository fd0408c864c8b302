/** Shared data, shared queues, metrics, clocks, logs. */
import type { Case } from '../case.ts'
import { inRequestHeaders, program } from './build.ts'

const HOST = 'proxy-wasm-cpp-host shared_data.cc: '
const QUEUE = 'proxy-wasm-cpp-host shared_queue.cc: '
const ENVOY = 'Envoy source/extensions/common/wasm/context.cc: '
const SPEC = 'proxy-wasm/spec abi-versions/v0.2.1: '

const data: Case[] = [
  inRequestHeaders('shared-get-missing', `${SPEC}proxy_get_shared_data: NOT_FOUND`, 'get_shared_data "d0" >s >u', [
    'get_shared_data 1',
  ]),
  inRequestHeaders(
    'shared-set-get',
    `${SPEC}proxy_set_shared_data`,
    'set_shared_data "d1" "v" 0\nget_shared_data "d1" >s >u',
    ['set_shared_data 0', /^get_shared_data 0 "v" [1-9]\d*$/],
  ),
  inRequestHeaders(
    'shared-overwrite',
    `${HOST}cas 0 is unconditional`,
    'set_shared_data "d2" "v" 0\nset_shared_data "d2" "w" 0\nget_shared_data "d2" >s >u',
    ['set_shared_data 0', 'set_shared_data 0', /^get_shared_data 0 "w" \d+$/],
  ),
  inRequestHeaders(
    'shared-cas',
    `${SPEC}the cas of the last get lets the set through`,
    '~set_shared_data "d3" "v" 0\n~get_shared_data "d3" >s >u=cas\nset_shared_data "d3" "w" $cas\nget_shared_data "d3" >s >u',
    ['set_shared_data 0', /^get_shared_data 0 "w" \d+$/],
  ),
  inRequestHeaders(
    'shared-cas-stale',
    `${SPEC}CAS_MISMATCH`,
    '~set_shared_data "d4" "v" 0\n~get_shared_data "d4" >s >u=cas\n~set_shared_data "d4" "w" 0\nset_shared_data "d4" "x" $cas\nget_shared_data "d4" >s >u',
    ['set_shared_data 8', /^get_shared_data 0 "w" \d+$/],
  ),
  inRequestHeaders(
    'shared-cas-absent-key',
    `${HOST}an absent key is set whatever the cas`,
    'set_shared_data "d5" "v" 12345',
    ['set_shared_data 0'],
  ),
  inRequestHeaders(
    'shared-cas-grows',
    `${HOST}each set gives a new cas`,
    '~set_shared_data "d6" "v" 0\n~get_shared_data "d6" >s >u=one\n~set_shared_data "d6" "v" 0\n~get_shared_data "d6" >s >u=two\nset_shared_data "d6" "x" $one\nset_shared_data "d6" "x" $two',
    ['set_shared_data 8', 'set_shared_data 0'],
  ),
  inRequestHeaders(
    'shared-empty-value',
    `${HOST}an empty value is stored`,
    'set_shared_data "d7" "" 0\nget_shared_data "d7" >s >u',
    ['set_shared_data 0', /^get_shared_data 0 "" \d+$/],
  ),
  inRequestHeaders(
    'shared-binary',
    `${HOST}keys and values are bytes`,
    'set_shared_data "d8\\x00k" "\\x00\\xff" 0\nget_shared_data "d8\\x00k" >s >u\nget_shared_data "d8" >s >u',
    ['set_shared_data 0', /^get_shared_data 0 "\\x00\\xff" \d+$/, 'get_shared_data 1'],
  ),
  inRequestHeaders(
    'shared-empty-key',
    `${HOST}an empty key is a key`,
    'set_shared_data "" "v" 0\nget_shared_data "" >s >u',
    ['set_shared_data 0', /^get_shared_data 0 "v" \d+$/],
    { plugin: { vmId: 'vm-empty-key' } },
  ),
  inRequestHeaders(
    'shared-proto-key',
    'keys of JavaScript objects are no special keys',
    'get_shared_data "__proto__" >s >u\nset_shared_data "__proto__" "v" 0\nget_shared_data "__proto__" >s >u\nget_shared_data "constructor" >s >u',
    ['get_shared_data 1', 'set_shared_data 0', /^get_shared_data 0 "v" \d+$/, 'get_shared_data 1'],
  ),
  inRequestHeaders(
    'shared-other-vm-writes',
    `${HOST}data is shared by vm_id`,
    'set_shared_data "of-one" "v" 0',
    ['set_shared_data 0'],
    { plugin: { vmId: 'vm-one' } },
  ),
  {
    id: 'shared-other-vm-reads',
    source: `${HOST}another vm_id does not see it`,
    plugin: { vmId: 'vm-two' },
    config: '[request_headers]\nget_shared_data "of-one" >s >u',
    log: ['get_shared_data 1'],
  },
]

const queues: Case[] = [
  inRequestHeaders(
    'queue-register-twice',
    `${QUEUE}the same name gives the same id`,
    '~register_shared_queue "q1" >u=one\n~register_shared_queue "q1" >u=two\nsay $one $two',
    [/^(\d+) \1$/],
  ),
  inRequestHeaders(
    'queue-fifo',
    `${QUEUE}first in, first out`,
    '~register_shared_queue "q2" >u=q\nenqueue_shared_queue $q "a"\nenqueue_shared_queue $q "b"\ndequeue_shared_queue $q >s\ndequeue_shared_queue $q >s\ndequeue_shared_queue $q >s',
    [
      'enqueue_shared_queue 0',
      'enqueue_shared_queue 0',
      'dequeue_shared_queue 0 "a"',
      'dequeue_shared_queue 0 "b"',
      'dequeue_shared_queue 7',
    ],
  ),
  inRequestHeaders(
    'queue-empty-element',
    `${QUEUE}an empty element is an element`,
    '~register_shared_queue "q3" >u=q\nenqueue_shared_queue $q ""\ndequeue_shared_queue $q >s\ndequeue_shared_queue $q >s',
    ['enqueue_shared_queue 0', 'dequeue_shared_queue 0 ""', 'dequeue_shared_queue 7'],
  ),
  inRequestHeaders(
    'queue-unknown',
    `${SPEC}NOT_FOUND for an unknown queue`,
    'enqueue_shared_queue 99999 "a"\ndequeue_shared_queue 99999 >s',
    ['enqueue_shared_queue 1', 'dequeue_shared_queue 1'],
  ),
  inRequestHeaders(
    'queue-resolve',
    `${QUEUE}by vm_id and name`,
    '~register_shared_queue "q4" >u=q\n~resolve_shared_queue "shared" "q4" >u=r\nsay $q $r',
    [/^(\d+) \1$/],
  ),
  inRequestHeaders(
    'queue-resolve-own',
    `${ENVOY}an empty vm_id is the caller's own`,
    '~register_shared_queue "q5" >u=q\n~resolve_shared_queue "" "q5" >u=r\nsay $q $r',
    [/^(\d+) \1$/],
  ),
  inRequestHeaders(
    'queue-resolve-missing',
    `${SPEC}NOT_FOUND`,
    'resolve_shared_queue "" "q-none" >u\nresolve_shared_queue "vm-none" "q5" >u',
    ['resolve_shared_queue 1', 'resolve_shared_queue 1'],
  ),
  {
    id: 'queue-ready',
    source: `${QUEUE}each enqueue calls proxy_on_queue_ready on the root context of the registrant`,
    config: program(`[request_headers]
    ~register_shared_queue "q6" >u=q
    ~enqueue_shared_queue $q "a"
    ~enqueue_shared_queue $q "b"
    [queue_ready]
    dequeue_shared_queue $a1 >s`),
    log: ['dequeue_shared_queue 0 "a"', 'dequeue_shared_queue 0 "b"'],
  },
  {
    id: 'queue-ready-deferred',
    source: `${QUEUE}on_queue_ready comes after the call that enqueued`,
    config: program(`[request_headers]
    ~register_shared_queue "q7" >u=q
    ~enqueue_shared_queue $q "a"
    say "after"
    [queue_ready]
    say "ready"`),
    log: ['after', 'ready'],
  },
]

const metrics: Case[] = [
  inRequestHeaders(
    'metric-counter',
    `${SPEC}proxy_define_metric, proxy_increment_metric`,
    '~define_metric 0 "c1" >u=m\nget_metric $m >q\nincrement_metric $m 3L\nincrement_metric $m 4L\nget_metric $m >q',
    ['get_metric 0 0', 'increment_metric 0', 'increment_metric 0', 'get_metric 0 7'],
  ),
  inRequestHeaders(
    'metric-counter-down',
    `${ENVOY}a counter cannot go down`,
    '~define_metric 0 "c2" >u=m\nincrement_metric $m -1L\nget_metric $m >q',
    ['increment_metric 2', 'get_metric 0 0'],
  ),
  inRequestHeaders(
    'metric-counter-zero',
    `${ENVOY}adding 0 is refused`,
    '~define_metric 0 "c3" >u=m\nincrement_metric $m 0L',
    ['increment_metric 2'],
  ),
  inRequestHeaders(
    'metric-counter-record',
    `${ENVOY}record on a counter adds`,
    '~define_metric 0 "c4" >u=m\nrecord_metric $m 5L\nrecord_metric $m 5L\nget_metric $m >q',
    ['record_metric 0', 'record_metric 0', 'get_metric 0 10'],
  ),
  inRequestHeaders(
    'metric-gauge',
    `${SPEC}gauges are set, and go up and down`,
    '~define_metric 1 "g1" >u=m\nrecord_metric $m 9L\nincrement_metric $m -4L\nget_metric $m >q\nincrement_metric $m 1L\nget_metric $m >q',
    ['record_metric 0', 'increment_metric 0', 'get_metric 0 5', 'increment_metric 0', 'get_metric 0 6'],
  ),
  inRequestHeaders(
    'metric-histogram',
    `${ENVOY}histograms are recorded, neither incremented nor read`,
    '~define_metric 2 "h1" >u=m\nrecord_metric $m 9L\nincrement_metric $m 1L\nget_metric $m >q',
    ['record_metric 0', 'increment_metric 2', 'get_metric 2'],
  ),
  inRequestHeaders(
    'metric-same-name',
    `${ENVOY}defining again gives the same value`,
    '~define_metric 0 "c5" >u=one\n~increment_metric $one 2L\n~define_metric 0 "c5" >u=two\nget_metric $two >q',
    ['get_metric 0 2'],
  ),
  inRequestHeaders('metric-bad-type', `${SPEC}BAD_ARGUMENT for an unknown type`, 'define_metric 3 "x" >u', [
    'define_metric 2',
  ]),
  inRequestHeaders(
    'metric-kinds',
    'proxy-wasm-cpp-host: the two lowest bits of an id are its type',
    '~define_metric 0 "k0" >u=c\n~define_metric 1 "k1" >u=g\n~define_metric 2 "k2" >u=h\nincrement_metric $c 1L\nrecord_metric $g 1L\nrecord_metric $h 1L',
    ['increment_metric 0', 'record_metric 0', 'record_metric 0'],
  ),
  ...[0, 1, 2, 3].map((type) =>
    inRequestHeaders(
      `metric-unknown-${type}`,
      `${SPEC}NOT_FOUND for an unknown metric`,
      `increment_metric ${9999996 + type} 1L\nrecord_metric ${9999996 + type} 1L\nget_metric ${9999996 + type} >q`,
      ['increment_metric 1', 'record_metric 1', 'get_metric 1'],
    ),
  ),
]

const LEVELS = ['trace', 'debug', 'info', 'warning', 'error', 'critical']

const logs: Case[] = [
  ...LEVELS.map((name, level) =>
    inRequestHeaders(`log-${name}`, `${SPEC}proxy_log: levels`, `~log ${level} "at level"`, [
      name === 'info' ? 'at level' : `${name}: at level`,
    ]),
  ),
  inRequestHeaders('log-bad-level', `${SPEC}BAD_ARGUMENT for an unknown level`, 'log 6 "x"\nlog -1 "x"', [
    'log 2',
    'log 2',
  ]),
  inRequestHeaders('log-empty', `${SPEC}proxy_log`, '~log 2 ""', ['']),
  inRequestHeaders('log-level', `${SPEC}proxy_get_log_level`, 'get_log_level >u', ['get_log_level 0 0']),
  inRequestHeaders(
    'log-level-0.2.0',
    `${SPEC}proxy_get_log_level came with 0.2.1`,
    'get_log_level >u',
    ['get_log_level is no host function of this version'],
    { module: 'probe-0.2.0' },
  ),
  inRequestHeaders('time', `${SPEC}proxy_get_current_time_nanoseconds, since 1970`, 'get_current_time_nanoseconds >q', [
    /^get_current_time_nanoseconds 0 1[789]\d{17}$/,
  ]),
  inRequestHeaders('status-none', `${ENVOY}proxy_get_status without a call`, 'get_status >u >s', ['get_status 0 0 ""']),
  inRequestHeaders('done-not-waiting', `${SPEC}proxy_done: NOT_FOUND when not waiting`, 'done', ['done 1']),
]

export const cases: Case[] = [...data, ...queues, ...metrics, ...logs]
