/** What modules of real SDKs do, one capability at a time (modules/rust, go, cpp, zig). */
import type { Case } from '../case.ts'

const SDK: Readonly<Record<string, string>> = {
  rust: 'proxy-wasm-rust-sdk 0.2.4',
  go: 'proxy-wasm-go-sdk ab4161dcf924',
  cpp: 'C++ on the ABI, wasi-libc and libc++',
  zig: 'Zig on the ABI, without a library',
}

type Capability = Pick<Case, 'exchanges' | 'log' | 'logIncludes' | 'kind'>

const CAPABILITIES: Readonly<Record<string, Capability>> = {
  headers: {
    exchanges: [
      {
        request: {
          headers: [
            ['x-a', 'one'],
            ['x-b', 'two'],
          ],
        },
        expect: { upstream: { headers: { 'x-added': '1', 'x-b': null } }, response: { headers: { 'x-resp': '1' } } },
      },
    ],
    log: ['x-a one'],
  },
  body: {
    exchanges: [
      { request: { method: 'POST', body: ['hello ', 'world'] }, expect: { upstream: { body: 'HELLO WORLD' } } },
    ],
    log: ['body hello world'],
  },
  trailers: {
    exchanges: [
      {
        request: { method: 'POST', body: ['x'], trailers: [['t', '1']] },
        expect: { upstream: { trailers: { t: '1', n: '9' } } },
      },
    ],
    log: ['t 1'],
  },
  properties: { exchanges: [{ request: { path: '/some/path' } }], log: ['path /some/path', 'mine own', 'none none'] },
  shared: { log: ['data value', 'queue item'] },
  metrics: { log: ['counter 3'] },
  tick: { logIncludes: ['tick'] },
  'http-callout': { exchanges: [{ expect: { upstream: { path: '/' } } }], log: ['called 201', 'called hi'] },
  'grpc-callout': { exchanges: [{ expect: { upstream: { path: '/' } } }], log: ['grpc 0 hi'] },
  'local-reply': {
    exchanges: [{ expect: { status: 403, response: { body: 'no', headers: { 'x-l': '1' } }, upstream: null } }],
    log: [],
  },
  foreign: { log: ['foreign hello'] },
  network: {
    kind: 'tcp',
    exchanges: [{ request: { body: ['hello'] }, expect: { response: { body: 'hello!' } } }],
    log: ['data hello'],
  },
}

export const SDK_CASES: readonly Case[] = Object.entries(SDK).flatMap(([sdk, source]) =>
  Object.entries(CAPABILITIES).map(
    ([capability, expected]): Case => ({
      id: `${sdk}-${capability}`,
      source: `${source}: ${capability}`,
      module: `sdk-${sdk}`,
      config: capability,
      plugin: { vmId: `sdk-${sdk}` },
      ...expected,
    }),
  ),
)
