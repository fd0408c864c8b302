/** Network filters: the callbacks of a connection. */
import type { Case } from '../case.ts'
import { program } from './build.ts'

const ENVOY = 'Envoy source/extensions/common/wasm: '
const SPEC = 'proxy-wasm/spec abi-versions/v0.2.1: '

const network: Case[] = [
  {
    id: 'tcp-order',
    kind: 'tcp',
    source: `${ENVOY}for connections done comes before log`,
    config: program(`[context_create]
    say "create"
    [new_connection]
    say "new"
    [downstream_data#1]
    say $a1 $a2
    [upstream_data#1]
    say $a1 $a2
    [downstream_close]
    say "downstream closed"
    [done]
    say "done"
    [log]
    say "log"
    [delete]
    say "delete"`),
    exchanges: [{ request: { body: ['hello'] }, expect: { response: { body: 'hello' } } }],
    logIncludes: ['create', 'new', '5 0', '5 0', 'downstream closed', 'done', 'log', 'delete'],
  },
  {
    id: 'tcp-read',
    kind: 'tcp',
    source: `${SPEC}DOWNSTREAM_DATA, UPSTREAM_DATA`,
    config:
      '[downstream_data#1]\nget_buffer_bytes 2 0 100 >s\nget_buffer_bytes 2 1 2 >s\n[upstream_data#1]\nget_buffer_bytes 3 0 100 >s',
    exchanges: [{ request: { body: ['hello'] }, expect: { response: { body: 'hello' } } }],
    logIncludes: ['get_buffer_bytes 0 "hello"', 'get_buffer_bytes 0 "el"', 'get_buffer_bytes 0 "hello"'],
  },
  {
    id: 'tcp-write',
    kind: 'tcp',
    source: `${SPEC}connection data can be changed`,
    config: '[downstream_data#1]\nset_buffer_bytes 2 0 100 "changed"',
    exchanges: [{ request: { body: ['hello'] }, expect: { response: { body: 'changed' } } }],
    logIncludes: ['set_buffer_bytes 0'],
  },
  {
    id: 'tcp-write-back',
    kind: 'tcp',
    source: `${SPEC}connection data can be changed`,
    config: '[upstream_data#1]\nset_buffer_bytes 3 5 0 "!"',
    exchanges: [{ request: { body: ['hello'] }, expect: { response: { body: 'hello!' } } }],
    logIncludes: ['set_buffer_bytes 0'],
  },
  {
    id: 'tcp-pause',
    kind: 'tcp',
    source: `${ENVOY}while paused the data is held, and the next callback sees all of it`,
    config: '[downstream_data#1]\nsay $a1\nreturn 1\n[downstream_data#2]\nsay $a1',
    exchanges: [{ request: { body: ['ab', 'cde'] }, expect: { response: { body: 'abcde' } } }],
    logIncludes: ['2', '5'],
  },
  {
    id: 'tcp-close',
    kind: 'tcp',
    source: `${SPEC}proxy_close_stream closes the connection`,
    config: '[downstream_data#1]\nclose_stream 2\nreturn 1',
    exchanges: [{ request: { body: ['hello'] }, expect: { response: { body: '' } } }],
    logIncludes: ['close_stream 0'],
  },
  {
    id: 'tcp-each-chunk',
    kind: 'tcp',
    source: `${ENVOY}each read passes all filters of the connection`,
    config: '[downstream_data]\nsay "down" $a1 $a2',
    exchanges: [{ request: { body: ['ab', 'cde', 'f'] }, expect: { response: { body: 'abcdef' } } }],
    logIncludes: ['down 2 0', 'down 3 0', 'down 1 0', 'down 0 1'],
  },
  {
    id: 'tcp-downstream-close',
    kind: 'tcp',
    source: `${ENVOY}the end of the client's data is the close of its side`,
    config: '[downstream_data]\nsay $a1 $a2\n[downstream_close]\nsay "downstream closed" $a1',
    exchanges: [{ request: { body: ['hello'] } }],
    logIncludes: ['5 0', '0 1', /^downstream closed [12]$/],
  },
  {
    id: 'tcp-upstream-close',
    kind: 'tcp',
    source: `${ENVOY}the end of the upstream's data is its close, by a peer unknown`,
    config: program(`[upstream_close]
    say "upstream closed" $a1
    [downstream_close]
    say "downstream closed" $a1
    [log]
    say "log"`),
    exchanges: [{ request: { body: ['bye'] }, expect: { response: { body: 'bye' } } }],
    logIncludes: ['upstream closed 0', /^downstream closed [12]$/, 'log'],
  },
  {
    id: 'tcp-property',
    kind: 'tcp',
    source: `${SPEC}attributes of a connection`,
    config:
      '[new_connection]\nget_property "plugin_root_id" >s\nget_property "connection\\x00id" >s\nget_property "request\\x00path" >s',
    exchanges: [{ request: { body: ['x'] } }],
    logIncludes: ['get_property 0 "tcp-property"', /^get_property 0 /, 'get_property 1'],
  },
  {
    id: 'tcp-no-headers',
    kind: 'tcp',
    source: `${ENVOY}a connection has no header maps`,
    config: '[new_connection]\nget_header_map_value 0 "a" >s\nsend_local_response 200 "d" "" "" -1',
    exchanges: [{ request: { body: ['x'] } }],
    logIncludes: ['get_header_map_value 2', 'send_local_response 0'],
  },
  {
    id: 'tcp-trap',
    kind: 'tcp',
    source: `${ENVOY}a trap closes the connection`,
    plugin: { vmId: 'vm-tcp-trap' },
    config: '[downstream_data#1]\ntrap',
    exchanges: [{ request: { body: ['hello'] }, expect: { response: { body: '' } } }],
  },
  {
    id: 'tcp-trap-new',
    kind: 'tcp',
    source: `${ENVOY}a trap closes the connection`,
    plugin: { vmId: 'vm-tcp-trap-new' },
    config: '[new_connection]\ntrap',
    exchanges: [{ request: { body: ['hello'] }, expect: { response: { body: /^(\[reset\])?$/ } } }],
  },
]

export const cases: Case[] = network
