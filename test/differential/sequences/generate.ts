/**
 * Programs over the life of a stream. Left out, because Envoy 1.40 crashes or reads memory that it has freed: continuing what is not stopped,
 * has not begun or is answered; going on after closing; answering twice once the response has begun; looking at a body from elsewhere than its
 * callback, unless it is held by StopIterationAndBuffer.
 */
import type { Request, Response } from '../../conformance/proxy-wasm/case.ts'
import { Dice } from '../filters/dice.ts'
import type { Sections, Sequence } from './sequence.ts'

const DIRECTIONS = ['request', 'response'] as const
type Direction = 0 | 1
/** Nobody is to go on later. */
const NEVER = ['set held 0', 'set asked 0']
const TO = (path: string) => `m":method=GET;:path=${path};:authority=called"`

/** What all instances keep to. */
interface Chain {
  /**
   * Directions in which nobody stops at the headers. Only there bodies are dropped, which Envoy does not do with what came during such a
   * stop, trailers made, which it then shows to the filter that has made them, and trailers stopped, with which it loses a body.
   */
  readonly plain: readonly boolean[]
  /** Answers may be answered, and have no bodies: that of the first would still come to the filters in Envoy. */
  readonly late: boolean
  /** In the middle of a body only one may go on: two share a buffer, of which Envoy shows the other one another part. */
  readonly alone: boolean
}

/** What one instance does: decided first, because its lines depend on each other. */
class Instance {
  readonly #dice: Dice
  readonly #plain: Chain['plain']
  readonly #late: boolean
  readonly #alone: boolean
  readonly #sections: Record<string, string[]> = {}
  /** Directions whose bodies are only held by StopIterationAndBuffer, so that it is known where they are. */
  readonly #tame: readonly boolean[]
  readonly #edits: readonly boolean[]
  /** It answers from outside: then it does not hold the answer, which it would answer again. */
  readonly #replies: boolean

  constructor(dice: Dice, { plain, late, alone }: Chain) {
    this.#dice = dice
    this.#plain = plain
    this.#late = late
    this.#alone = alone
    this.#tame = plain.map((one) => !one && dice.chance(0.5))
    this.#replies = dice.chance(0.08)
    this.#edits = [dice.chance(0.4), dice.chance(0.4)]
  }

  sections(): Sections {
    for (const direction of [0, 1] as const) {
      this.#headers(direction)
      this.#body(direction)
      this.#trailers(direction)
    }
    this.#sections['tick'] = this.#outside()
    this.#sections['http_call_response'] = this.#answered()
    if (this.#dice.chance(0.2)) this.#sections['log'] = this.#finished()
    return this.#sections
  }

  #headers(direction: Direction): void {
    const dice = this.#dice
    const lines: string[] = []
    const map = direction * 2
    // Whoever changes a body has to.
    if (this.#edits[direction]) lines.push(`~remove_header_map_value ${map} "content-length"`)
    else if (dice.chance(0.3)) return
    lines.push(...dice.list(0, 2, () => this.#headerCall(map)))
    if (direction === 0 && dice.chance(0.1)) {
      lines.push('replace_header_map_value 0 "x-route" "other"')
      if (dice.chance(0.5)) lines.push('call_foreign_function "clear_route_cache" "" >s')
    }
    if (dice.chance(0.1)) lines.push(this.#state())
    const statuses = this.#plain[direction] ? [0, 0, 2] : [0, 0, 0, 1, 1, 2, 3, 4, 5]
    lines.push(...this.#end(direction, statuses, 0.08, true))
    this.#sections[`${DIRECTIONS[direction]}_headers`] = lines
  }

  #body(direction: Direction): void {
    const dice = this.#dice
    if (!this.#edits[direction] && dice.chance(0.4)) return
    const name = `${DIRECTIONS[direction]}_body`
    const statuses = [0, 1, 1, ...(this.#tame[direction] ? [] : [2, 2]), ...(this.#plain[direction] ? [3, 4] : [])]
    const lines = dice.list(0, 2, () => this.#bufferCall(direction))
    if (dice.chance(0.06)) lines.push(...this.#end(direction, statuses, 1))
    else {
      // For a body that was held Envoy sends trailers that are made at its end twice.
      const makes = this.#plain[direction] && dice.chance(0.2)
      const passes = makes || (direction === 1 && this.#replies)
      lines.push(...NEVER, `return ${passes ? 0 : dice.pick(statuses)}`, 'when $a2')
      lines.push(...dice.list(0, 2, () => this.#bufferCall(direction)))
      if (makes) lines.push(this.#newTrailer(direction), ...NEVER, 'return 0')
      else lines.push(...this.#end(direction, statuses.concat(0, 0, 0), 0.06))
    }
    this.#sections[name] = lines
    if (this.#alone && dice.chance(0.5)) {
      const some = dice.list(0, 1, () => this.#bufferCall(direction))
      this.#sections[`${name}#${dice.int(1, 3)}`] = [...some, ...this.#end(direction, statuses, 0.1)]
    }
  }

  #trailers(direction: Direction): void {
    const dice = this.#dice
    if (dice.chance(0.4)) return
    const lines = dice.list(0, 2, () => this.#headerCall(direction * 2 + 1))
    if (this.#tame[direction] && dice.chance(0.3)) lines.push(this.#bufferCall(direction))
    lines.push(...this.#end(direction, this.#plain[direction] ? [0, 0, 1] : [0], 0.06))
    this.#sections[`${DIRECTIONS[direction]}_trailers`] = lines
  }

  /** What a callback returns, and who goes on where that is a stop. */
  #end(direction: Direction, statuses: readonly number[], abrupt: number, headers = false): string[] {
    const dice = this.#dice
    if (dice.chance(abrupt)) return this.#abrupt(direction, headers)
    const status = direction === 1 && this.#replies ? 0 : dice.pick(statuses)
    if (status === 0 || (headers && status === 2)) return [...NEVER, `return ${status}`]
    // Without a word later some wait until the client has enough.
    return [...(dice.chance(0.95) ? this.#later(direction) : NEVER), `return ${status}`]
  }

  #abrupt(direction: Direction, headers: boolean): string[] {
    const dice = this.#dice
    // After closing, a module that goes on makes Envoy use a stream that is gone. How much of an answer that has begun still goes out is chance.
    const closes = direction === 0 || headers
    if (closes && dice.chance(0.2)) return [...NEVER, `close_stream ${direction}`, 'return 1']
    if (direction === 1 && !this.#late) return [...NEVER, 'return 0']
    return [...NEVER, ...this.#reply(direction === 0), `return ${dice.pick([0, 1])}`]
  }

  #reply(twice: boolean): string[] {
    const dice = this.#dice
    const one = () => {
      const headers = dice.pick(['""', 'm"x-reply=1"', 'm"x-reply=1;x-reply=2;content-type=a/b"', 'm":status=299"'])
      const status = dice.pick([200, 204, 302, 403, 403, 503])
      // RFC 9110 15.3.5: a 204 has no body; Envoy sends what it is given.
      const body = this.#late || status === 204 ? '""' : dice.pick(['""', '"no"', '"a longer answer"'])
      return `send_local_response ${status} "why so" ${body} ${headers} ${dice.pick([-1, -1, 0, 7, 99])}`
    }
    return twice && dice.chance(0.15) ? [one(), one()] : [one()]
  }

  /** By the next tick, or by the answer to a call. */
  #later(direction: Direction): string[] {
    const dice = this.#dice
    const dir = `set dir ${direction}`
    if (dice.chance(0.7)) return [dir, 'set held 1']
    if (dice.chance(0.15)) {
      // It does not come about: the tick goes on.
      return [dir, 'set held 1', `http_call "${dice.pick(['missing', ''])}" ${TO('/callout/200')} "" "" 500 >u=call`]
        .concat(dice.chance(0.3) ? [`http_call "upstream" m":method=GET" "" "" 500 >u=call`] : [])
        .slice(0, 3 + dice.int(0, 1))
    }
    const path = dice.pick(['/callout/200', '/callout/200', '/callout/404', '/callout/0', '/callout/1'])
    const cluster = path === '/callout/200' && dice.chance(0.1) ? 'refusing' : 'upstream'
    const body = dice.pick(['""', '"asked"'])
    return [
      dir,
      'set asked 1',
      `~http_call "${cluster}" ${TO(path)} ${body} "" ${path === '/callout/1' ? 30 : 800} >u=call`,
    ]
  }

  #outside(): string[] {
    const dice = this.#dice
    const lines = ['set_effective_context $stream']
    if (dice.chance(0.1)) lines.push(this.#state())
    if (this.#replies) return [...lines, ...this.#reply(false)]
    if (dice.chance(0.03)) return [...lines, 'close_stream $dir']
    return [...lines, 'continue_stream $dir']
  }

  #answered(): string[] {
    const dice = this.#dice
    const reads = [
      'get_header_map_value 6 ":status" >s',
      'get_buffer_bytes 4 0 100 >s',
      'get_buffer_bytes 4 3 4 >s',
      'get_header_map_pairs 7 >m',
      'get_status >u >s',
      'set_buffer_bytes 4 0 1 "x"',
      'add_header_map_value 6 "x" "y"',
    ]
    return [...dice.list(0, 2, () => dice.pick(reads)), 'when $asked', 'set asked 0', ...this.#outside()]
  }

  #finished(): string[] {
    const dice = this.#dice
    return dice.list(1, 2, () =>
      dice.pick([
        'get_property "response\\x00code" >s',
        'get_property "request\\x00method" >s',
        'get_header_map_value 2 ":status" >s',
        'get_header_map_value 2 "x-a" >s',
        'get_header_map_value 3 "u" >s',
        'get_property "k" >s',
      ]),
    )
  }

  #state(): string {
    return this.#dice.pick(['set_property "k" "v"', 'get_property "k" >s', 'set_property "k" "w"'])
  }

  #headerCall(map: number): string {
    const dice = this.#dice
    const name = `"${dice.pick(['x-a', 'x-a', 'x-b', 't', 'u'])}"`
    const value = `"${dice.pick(['1', '2', 'a b', ''])}"`
    const calls = [
      `get_header_map_value ${map} ${name} >s`,
      `add_header_map_value ${map} ${name} "${dice.pick(['1', '2'])}"`,
      `replace_header_map_value ${map} ${name} ${value}`,
      `remove_header_map_value ${map} ${name}`,
    ]
    if (map % 2 === 1) calls.push(`get_header_map_pairs ${map} >m`, `set_header_map_pairs ${map} m"n=1;x-a=2"`)
    else if (map === 2) calls.push('replace_header_map_value 2 ":status" "299"', 'get_header_map_value 2 ":status" >s')
    else calls.push('replace_header_map_value 0 ":path" "/other"', 'get_header_map_value 0 ":path" >s')
    return dice.pick(calls)
  }

  #newTrailer(direction: Direction): string {
    return this.#dice.pick([
      `add_header_map_value ${direction * 2 + 1} "n" "1"`,
      `replace_header_map_value ${direction * 2 + 1} "n" "2"`,
      `set_header_map_pairs ${direction * 2 + 1} m"n=1;x-a=2"`,
    ])
  }

  #bufferCall(direction: Direction): string {
    const dice = this.#dice
    const at = dice.pick([0, 0, 0, 1, 2, 5, 9, 100])
    if (dice.chance(0.1)) return `get_buffer_status ${direction} >u >u`
    if (!this.#edits[direction] || dice.chance(0.4)) {
      return `get_buffer_bytes ${direction} ${at} ${dice.pick([100, 100, 2, 0, 0x7fffffff])} >s`
    }
    const size = dice.pick([0, 0, 1, 3, 100, 0x7fffffff])
    return `set_buffer_bytes ${direction} ${at} ${size} "${dice.pick(['X', 'XYZ', '', '*{w,40}'])}"`
  }
}

const BODIES: readonly (readonly string[] | string | undefined)[] = [
  undefined,
  undefined,
  '',
  ['ab', 'cde'],
  ['ab', 'cde', 'f'],
  ['*'.repeat(300), 'end'],
]

function request(dice: Dice): Request {
  const http2 = dice.chance(0.5)
  const body = dice.pick(BODIES)
  return {
    method: body === undefined ? dice.pick(['GET', 'GET', 'HEAD', 'POST']) : 'POST',
    path: dice.pick(['/', '/a?b', '/other']),
    headers: [['x-a', '1'], ...(dice.chance(0.1) ? [['content-type', 'application/grpc'] as const] : [])],
    ...(body === undefined ? {} : { body }),
    ...(body !== undefined && dice.chance(0.4) ? { trailers: [['t', '1'] as const] } : {}),
    ...(http2 ? { http2 } : {}),
  }
}

function response(dice: Dice): Response {
  const status = dice.pick([200, 200, 200, 200, 404, 503, 204, 304])
  const headers = [['x-a', '1']] as const
  const body = dice.pick(BODIES)
  if (status === 204 || status === 304) return { status, headers, body: '' }
  return {
    status,
    headers,
    body: body ?? '',
    ...(body !== undefined && dice.chance(0.4) ? { trailers: [['u', '1'] as const] } : {}),
  }
}

function generate(dice: Dice): Sequence {
  const chain = { plain: [dice.chance(0.3), dice.chance(0.3)], late: dice.chance(0.5), alone: dice.chance(0.5) }
  return {
    instances: dice.list(1, chain.alone ? 1 : 2, () => new Instance(dice, chain).sections()),
    allowOnHeadersStopIteration: dice.chance(0.6),
    upstreamHttp2: dice.chance(0.4),
    exchanges: dice.list(1, 2, () => ({ request: request(dice), upstream: response(dice) })),
  }
}

/** By seed, so that one that differs can be made again alone. */
export function generated(count: number, seed: number): Map<string, Sequence> {
  return new Map(
    Array.from({ length: count }, (_, i) => {
      const own = seed * 10_000 + i
      return [`sequence-${own}`, generate(new Dice(own))] as const
    }),
  )
}
