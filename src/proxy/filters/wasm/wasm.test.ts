/** The Wasm filter in a running proxy: what the adapter adds to the host's own tests. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { guest } from '../../../wasm/testing/wat-guest.ts'
import { cluster, FILTERS, get, httpListener, portOf, testProxy, upstream } from '../../testing.ts'

const folder = mkdtempSync(join(tmpdir(), 'wasm-filter-'))
after(() => rmSync(folder, { recursive: true }))

let files = 0

function filter(code: string, { vm = '', plugin = '' } = {}): string {
  const file = join(folder, `${files++}.wasm`)
  writeFileSync(file, guest(code))
  return `{ name: my-filter, typed_config: { "@type": ${FILTERS}.http.wasm.v3.Wasm, config: { name: my-plugin, ${plugin} vm_config: { ${vm} runtime: envoy.wasm.runtime.v8, code: { local: { filename: "${file}" } } } } } }`
}

/** A proxy with these filters before an upstream that tells what it saw. */
async function proxied(
  filters: readonly string[],
  run: (port: number, requests: string[]) => Promise<void>,
): Promise<void> {
  const up = await upstream()
  try {
    const proxy = await testProxy([httpListener({ filters })], [cluster(up.port), cluster(up.port, '', 'httpbin')])
    try {
      await run(portOf(proxy), up.requests)
    } finally {
      await proxy.close()
    }
  } finally {
    await up.close()
  }
}

const headers = (name: string, code: string, answer = '(i32.const 0)') =>
  `(func (export "proxy_on_${name}_headers") (param i32 i32 i32) (result i32) ${code} ${answer})`
const add = (map: number, name: string, value: string) =>
  `(drop (call $proxy_add_header_map_value (i32.const ${map}) (s "${name}") (s "${value}")))`
const reply = (code: number, body: string) =>
  `(drop (call $proxy_send_local_response (i32.const ${code}) (s "why") (s "${body}") (s "") (i32.const -1)))`

describe('envoy.filters.http.wasm', () => {
  it('changes requests and responses', () =>
    proxied(
      [filter(headers('request', add(0, 'x-up', '1')) + headers('response', add(2, 'x-down', '2')))],
      async (port) => {
        const answer = await get(port)
        assert.equal(JSON.parse(answer.body).headers['x-up'], '1')
        assert.equal(answer.headers['x-down'], '2')
      },
    ))

  it('answers in place of the upstream, text and bytes, through its own response callbacks', () =>
    proxied(
      [
        filter(
          headers('request', reply(418, 'a\\ff\\00b'), '(i32.const 1)') + headers('response', add(2, 'x-own', '1')),
        ),
      ],
      async (port, requests) => {
        const answer = await get(port)
        assert.equal(answer.status, 418)
        assert.equal(answer.body, 'a\xff\0b')
        assert.equal(answer.headers['x-own'], '1')
        assert.deepEqual(requests, [])
      },
    ))

  it('holds a body, replaces it, and sends the right length', () => {
    const code = `(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
      (if (local.get 2) (then (drop (call $proxy_set_buffer_bytes (i32.const 0) (i32.const 0) (i32.const -1) (s "replaced body")))))
      (i32.eqz (local.get 2)))`
    return proxied([filter(code)], async (port) => {
      const answer = await get(port, '/', { method: 'POST', body: 'short', headers: { 'content-length': '5' } })
      assert.equal(JSON.parse(answer.body).body, 'replaced body')
    })
  })

  it('makes an HTTP callout and goes on with its answer', () => {
    const names = [':method', 'GET', ':path', '/from-plugin', ':authority', 'a']
    const word = (n: number) => `\\${n.toString(16).padStart(2, '0')}\\00\\00\\00`
    const pairs =
      word(3) + names.map((text) => word(text.length)).join('') + names.map((text) => `${text}\\00`).join('')
    const code = `(global $id (mut i32) (i32.const 0))
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (global.set $id (local.get 0))
        (drop (call $proxy_http_call (s "httpbin") (s "${pairs}") (s "") (s "") (i32.const 1000) $slot2)) (i32.const 1))
      (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32)
        (drop (call $proxy_set_effective_context (global.get $id)))
        (if (local.get 3) (then ${add(0, 'x-called', 'yes')}))
        (drop (call $proxy_continue_stream (i32.const 0))))`
    return proxied([filter(code)], async (port, requests) => {
      const answer = await get(port, '/first')
      assert.equal(JSON.parse(answer.body).headers['x-called'], 'yes')
      assert.deepEqual(requests, ['GET /from-plugin', 'GET /first'])
    })
  })

  it('reads properties of the stream', () => {
    const show = (path: string) =>
      `(drop (call $proxy_get_property (s "${path}") $slot0 $slot1))
       (drop (call $proxy_add_header_map_value (i32.const 2) (s "x-seen") (i32.load $slot0) (i32.load $slot1)))`
    const paths = [
      'plugin_name',
      'request\\00path',
      'xds\\00cluster_name',
      'cluster_name',
      'request\\00protocol',
      'request\\00headers\\00x-ask',
    ]
    return proxied([filter(headers('response', paths.map(show).join('')))], async (port) => {
      const answer = await get(port, '/p?q', { headers: { 'x-ask': 'me' } })
      assert.equal(answer.headers['x-seen'], 'my-plugin, /p?q, up, up, HTTP/1.1, me')
    })
  })

  it('gives the configuration as Envoy does: Struct as JSON, StringValue as it is', async () => {
    const show = headers(
      'response',
      `(drop (call $proxy_get_buffer_bytes (i32.const 7) (i32.const 0) (i32.const 99) $slot0 $slot1))
      (drop (call $proxy_add_header_map_value (i32.const 2) (s "x-conf") (i32.load $slot0) (i32.load $slot1)))`,
    )
    const type = 'type.googleapis.com/google.protobuf'
    for (const [plugin, expected] of [
      [`configuration: { "@type": ${type}.StringValue, value: "plain text" },`, 'plain text'],
      [`configuration: { "@type": ${type}.Struct, value: { a: 1, b: [true] } },`, '{"a":1,"b":[true]}'],
    ]) {
      await proxied([filter(show, { plugin })], async (port) =>
        assert.equal((await get(port)).headers['x-conf'], expected),
      )
    }
  })

  it('counts VMs as Envoy does', async () => {
    const up = await upstream()
    const [a, b] = [filter(''), filter('(func)')]
    const proxy = await testProxy(
      [httpListener({ name: 'one', filters: [a, a] }), httpListener({ name: 'two', filters: [b] })],
      [cluster(up.port)],
      { admin: { host: '127.0.0.1', port: 0 } },
    )
    try {
      const { body } = await get(Number(proxy.adminAddress?.split(':')[1]), '/stats?filter=runtime.v8')
      assert.match(body, /^wasm\.envoy\.wasm\.runtime\.v8\.active: 2$/m)
      assert.match(body, /^wasm\.envoy\.wasm\.runtime\.v8\.created: 2$/m)
    } finally {
      await proxy.close()
      await up.close()
    }
  })

  it('has its metrics in Prometheus by their own names, with labels by name or by stats_tags', async () => {
    const up = await upstream()
    const metric = (name: string) =>
      `(drop (call $proxy_define_metric (i32.const 0) (s "${name}") $slot2)) (drop (call $proxy_increment_metric (i32.load $slot2) (i64.const 2)))`
    const code = `(func (export "proxy_on_configure") (param i32 i32) (result i32)
      ${metric('source=.=a;.;requests_total')} ${metric('my.plain')} ${metric('value_counts_value=foo_reporter=go')} (i32.const 1))`
    const tag = (name: string, regex: string) => `{ tag_name: ${name}, regex: '${regex}' }`
    const tags = [tag('value', '(_value=(.+?))_reporter='), tag('reporter', '(_reporter=(.+))$')]
    const proxy = await testProxy(
      [httpListener({ filters: [filter(code)] })],
      [cluster(up.port)],
      { admin: { host: '127.0.0.1', port: 0 } },
      `stats_config: { stats_tags: [${tags.join(', ')}] }`,
    )
    try {
      const { body } = await get(Number(proxy.adminAddress?.split(':')[1]), '/stats/prometheus')
      assert.match(body, /^requests_total\{source="a"\} 2$/m)
      assert.match(body, /^my_plain\{\} 2$/m)
      assert.match(body, /^value_counts\{value="foo",reporter="go"\} 2$/m)
      assert.match(body, /^envoy_wasm_envoy_wasm_runtime_v8_active\{\} 1$/m)
    } finally {
      await proxy.close()
      await up.close()
    }
    const bad = 'stats_config: { stats_tags: [{ tag_name: x, regex: "(" }] }'
    await assert.rejects(testProxy([], [], {}, bad), { message: /bootstrap\.stats_config\.stats_tags\[0\]\.regex/ })
  })

  it('is the default of a discovered filter', async () => {
    const up = await upstream()
    const typed = filter(headers('request', add(0, 'x-default', '1'))).replace(/^.*?typed_config: (.*) \}$/, '$1')
    const discovery = `config_source: { ads: {}, resource_api_version: V3 }, default_config: ${typed}, apply_default_config_without_warming: true, type_urls: ["${FILTERS}.http.wasm.v3.Wasm"]`
    const proxy = await testProxy(
      [httpListener({ filters: [`{ name: found, config_discovery: { ${discovery} } }`] })],
      [cluster(up.port)],
    )
    try {
      assert.equal(JSON.parse((await get(portOf(proxy))).body).headers['x-default'], '1')
    } finally {
      await proxy.close()
      await up.close()
    }
  })

  it('answers 503 when it dies, to that request, to those that wait, and to later ones; others go on', () => {
    const mortal = `(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
      (if (i32.eqz (call $proxy_get_header_map_value (i32.const 0) (s "x-die") $slot0 $slot1)) (then unreachable))
      (if (i32.eqz (call $proxy_get_header_map_value (i32.const 0) (s "x-wait") $slot0 $slot1)) (then (return (i32.const 1))))
      (i32.const 0))
      ${headers('response', '')}`
    return proxied([filter(mortal)], async (port) => {
      assert.equal((await get(port)).status, 200)
      const waiting = get(port, '/', { headers: { 'x-wait': '1' } })
      await new Promise((resolve) => setTimeout(resolve, 50))
      assert.equal((await get(port, '/', { headers: { 'x-die': '1' } })).status, 503)
      assert.equal((await waiting).status, 503)
      assert.equal((await get(port)).status, 503)
    })
  })

  it('goes on without it when it fails open, and comes back when it reloads', async () => {
    const mortal = headers(
      'request',
      '(if (i32.eqz (call $proxy_get_header_map_value (i32.const 0) (s "x-die") $slot0 $slot1)) (then (loop (br 0))))',
    )
    await proxied([filter(mortal, { plugin: 'failure_policy: FAIL_OPEN,' })], async (port) => {
      assert.equal((await get(port, '/', { headers: { 'x-die': '1' } })).status, 200)
      assert.equal((await get(port)).status, 200)
    })
    const plugin = 'failure_policy: FAIL_RELOAD, reload_config: { backoff: { base_interval: 0.02s } },'
    await proxied([filter(mortal, { plugin })], async (port) => {
      assert.equal((await get(port, '/', { headers: { 'x-die': '1' } })).status, 503)
      await new Promise((resolve) => setTimeout(resolve, 60))
      assert.equal((await get(port)).status, 200)
    })
  })

  it('announces no body that does not come: the next request would be read as one', () => {
    const code = headers('request', add(0, 'content-length', '3'))
    return proxied([filter(code)], async (port, requests) => {
      assert.equal((await get(port)).status, 502)
      assert.deepEqual(requests, [])
      const answer = await get(port, '/', { method: 'POST', body: 'abc' })
      assert.equal(JSON.parse(answer.body).body, 'abc')
    })
  })

  it('says nothing more to the module after a body that is too long', () => {
    const code = `(func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
      (if (i32.gt_u (local.get 1) (i32.const 1100000)) (then unreachable)) (i32.const 1))`
    return proxied([filter(code)], async (port) => {
      const answer = await get(port, '/', { method: 'POST', body: 'x'.repeat(1_500_000) })
      assert.equal(answer.status, 413)
      assert.equal((await get(port)).status, 200)
    })
  })

  it('holds the module to the limits that it was given', () => {
    const vm = `environment_variables: { key_values: { ISTIO_META_WASM_HOST: '{"callbackFuel":1000,"memoryPages":3}' } },`
    const loop = (turns: number) => `(local $i i32) (local.set $i (i32.const ${turns}))
      (loop $again (br_if $again (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))`
    const code = `(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) ${loop(50)} (i32.const 0))
      (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) ${loop(5000)} (i32.const 0))`
    return proxied([filter(code, { vm })], async (port, requests) => {
      assert.equal((await get(port)).status, 503)
      assert.equal(requests.length, 1)
    })
  })

  /** Configurations that are refused, with what the reason names. */
  const REFUSED: [string, string, RegExp][] = [
    [
      'a plugin that refuses its configuration',
      filter('(func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 0))'),
      /refused its configuration/,
    ],
    [
      'a plugin that traps at the start',
      filter('(func (export "_initialize") unreachable)'),
      /_initialize: unreachable/,
    ],
    [
      'both kinds of failure policy',
      filter('', { plugin: 'fail_open: true, failure_policy: FAIL_RELOAD,' }),
      /only one of fail_open and failure_policy/,
    ],
    [
      'an environment variable given twice',
      filter('', { vm: 'environment_variables: { host_env_keys: [PATH], key_values: { PATH: x } },' }),
      /PATH is given twice/,
    ],
    [
      'a limit of the host that is none',
      filter('', { vm: `environment_variables: { key_values: { ISTIO_META_WASM_HOST: '{"pages":1}' } },` }),
      /ISTIO_META_WASM_HOST: "pages" is no limit/,
    ],
    [
      'more memory than its limit',
      filter('', { vm: `environment_variables: { key_values: { ISTIO_META_WASM_HOST: '{"memoryPages":1}' } },` }),
      /memoryPages/,
    ],
    [
      'another runtime',
      filter('').replace('runtime.v8', 'runtime.wamr'),
      /envoy\.wasm\.runtime\.wamr is not supported/,
    ],
    ['a module that is none', filter('').replace('.wasm"', '.missing"'), /missing/],
  ]
  for (const [name, text, message] of REFUSED) {
    it(`refuses ${name}`, async () => {
      await assert.rejects(testProxy([httpListener({ filters: [text] })], [cluster(1)]), (error: Error) => {
        assert.match(String((error as { cause?: Error }).cause?.message ?? error.message), message)
        return true
      })
    })
  }
})
