/** A generated case as a tree, of which any part may be left out, and the conformance case that it stands for. */
import type { Case, Exchange, Request, Response } from '../../conformance/proxy-wasm/case.ts'

/** Lines of a program by the callback that they are for (test/conformance/proxy-wasm/modules/assembly/program.ts). */
export type Sections = Readonly<Record<string, readonly string[]>>

export interface Sequence {
  /** One instance of the module, or two in the order of the chain. */
  readonly instances: readonly Sections[]
  readonly allowOnHeadersStopIteration: boolean
  readonly upstreamHttp2: boolean
  readonly exchanges: readonly { readonly request: Request; readonly upstream: Response }[]
}

/** Envoy's ways where ours are others by choice (docs/reference/wasm-host.md): lengths stay, and whoever has much to say may. */
const ENVOYS_WAY = {
  ISTIO_META_WASM_HOST: JSON.stringify({ keepContentLength: true, logBurst: 3200, logsPerSecond: 1600 }),
}

/** Between two pieces of a body. */
const TICK_MS = 25

/** What is said last of a stream. */
const GONE = 'gone'

/** Every callback says that it has come, and whether with the end of its message. */
const SAID: Readonly<Record<string, string>> = {
  request_headers: '$a2',
  request_body: '$a1 $a2',
  request_trailers: '$a1',
  response_headers: '$a2',
  response_body: '$a1 $a2',
  response_trailers: '$a1',
  http_call_response: '$a4',
  log: '',
  done: '',
}

export function caseOf(id: string, sequence: Sequence): Case {
  const { instances, allowOnHeadersStopIteration, upstreamHttp2, exchanges } = sequence
  const [config = '', second] = instances.map((sections, i) => textOf(sections, 'AB'.charAt(i)))
  return {
    id,
    source: 'generated',
    config,
    ...(second === undefined ? {} : { second }),
    plugin: { allowOnHeadersStopIteration, environment: ENVOYS_WAY },
    upstreamHttp2,
    exchanges: exchanges as readonly Exchange[],
    // To wait for.
    logIncludes: exchanges.flatMap(() => instances.map(() => new RegExp(`${GONE}$`))),
  }
}

function textOf(sections: Sections, name: string): string {
  const all: Record<string, readonly string[]> = {}
  for (const key of [...Object.keys(SAID), ...Object.keys(sections)]) {
    const callback = key.replace(/#.*/, '')
    const said = SAID[callback]
    // Where there is nothing to do it goes on, and nobody is to do that again later.
    const lines = sections[key] ?? (/_(headers|body|trailers)$/.test(key) ? ['set held 0', 'set asked 0'] : [])
    all[key] = [...(said === undefined ? [] : [`say "${name} ${callback}" ${said}`]), ...lines]
  }
  // What an earlier stream has left behind is not for this one.
  const fresh = ['set held 0', 'set asked 0', 'set dir 0']
  all['request_headers'] = [...fresh, ...(all['request_headers'] ?? [])]
  all['tick'] = [
    '~set_tick_period_milliseconds 0',
    'when $held',
    'set held 0',
    `say "${name} tick"`,
    ...(sections['tick'] ?? []),
  ]
  all['delete'] = ['set held 0', 'set asked 0', 'when $stream', `say "${name} ${GONE}"`]
  return Object.entries(all)
    .map(([key, lines]) => [`[${key}]`, ...lines].join('\n'))
    .join('\n')
    .replaceAll('set held 1', `set held 1\n~set_tick_period_milliseconds ${TICK_MS}`)
}
