/** What clients ask, what upstreams answer, and what both say then. */
import type { Dice } from '../filters/dice.ts'
import type { Field } from '../trial.ts'
import type { Plan } from './generate.ts'
import type { Script, Step } from './trial.ts'

const SIZES = [1, 10, 3000]
const LARGE = 300_000

export function request(dice: Dice, plan: Plan): Script {
  const fields = [...dice.some(FIELDS, 0.1), ...filterFields(dice)]
  return plan.downstream === 'http2' ? [http2Request(dice, plan, fields)] : http1Request(dice, plan, fields)
}

/** Some filters look at it. */
function filterFields(dice: Dice): Field[] {
  return dice.chance(0.3) ? [['x-who', dice.pick(['friend', 'foe'])]] : []
}

const FIELDS: readonly Field[] = [
  ['sec-websocket-key', 'AAAAAAAAAAAAAAAAAAAAAA=='],
  ['sec-websocket-protocol', 'chat'],
  ['accept-encoding', 'gzip'],
  ['x-envoy-upstream-rq-timeout-ms', '300'],
  ['x-envoy-retry-on', 'connect-failure,reset,5xx'],
  ['content-type', 'application/grpc'],
]

function http2Request(dice: Dice, { kind, token }: Plan, fields: readonly Field[]): Step {
  const end = dice.chance(0.04) ? ({ end: true } as const) : {}
  const authority = [':authority', 'a.example:443'] as const
  // What is tunnelled by CONNECT alone is no content.
  const length: Field[] = kind === 'connect' && dice.chance(0.06) ? [['content-length', dice.pick(['0', '5'])]] : []
  if (kind === 'connect') return { head: [[':method', 'CONNECT'], authority, ...fields, ...length], ...end }
  return {
    head: [[':method', 'CONNECT'], [':protocol', token], [':scheme', 'http'], [':path', '/chat'], authority, ...fields],
    ...end,
  }
}

function http1Request(dice: Dice, { kind, token }: Plan, fields: readonly Field[]): Script {
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const length = dice.chance(0.06) ? 'content-length: 0\r\n' : ''
  if (kind === 'connect')
    return [{ head: `CONNECT a.example:443 HTTP/1.1\r\nhost: a.example:443\r\n${lines}${length}\r\n` }]
  const option = dice.chance(0.9) ? 'Upgrade' : dice.pick(['upgrade', 'keep-alive, Upgrade', 'close, upgrade', 'close'])
  const method = dice.chance(0.92) ? 'GET' : dice.pick(['POST', 'HEAD', 'OPTIONS'])
  const upgrade = `connection: ${option}\r\nupgrade: ${token}\r\n`
  return [{ head: `${method} /chat HTTP/1.1\r\nhost: a.example:443\r\n${upgrade}${lines}${length}\r\n` }]
}

/** Of an upstream that speaks HTTP. */
export function answer(dice: Dice, plan: Plan): Script {
  const first: Script = dice.chance(0.15) ? ['rest', 'rest'] : []
  if (dice.chance(0.1)) return [...first, dice.pick(['end', 'reset', 'deaf'] as const)]
  const agrees = dice.chance(0.72)
  return [...first, ...(plan.upstream === 'http2' ? http2Answer(dice, agrees) : http1Answer(dice, plan, agrees))]
}

function http2Answer(dice: Dice, agrees: boolean): Script {
  const status = agrees ? '200' : dice.pick(['403', '404', '503', '500', '201', '204', '304', '302'])
  const fields: Field[] = dice.some(
    [
      ['x-a', 'b'],
      ['content-type', 'text/plain'],
      ['upgrade-insecure', '1'],
    ],
    0.15,
  )
  const refuses = !agrees && dice.chance(0.5)
  const length: Field[] = refuses && status !== '204' && dice.chance(0.5) ? [['content-length', '2']] : []
  if (!agrees && !refuses) return [{ head: [[':status', status], ...fields], end: true }]
  const head: Step = { head: [[':status', status], ...fields, ...length] }
  return refuses ? [head, { say: 2 }, 'end'] : [head]
}

function http1Answer(dice: Dice, { kind, token }: Plan, agrees: boolean): Script {
  const more = dice.chance(0.15) ? 'x-a: b\r\n' : ''
  if (agrees && kind === 'connect') {
    const length = dice.chance(0.1) ? dice.pick(['content-length: 0\r\n', 'content-length: 9\r\n', CHUNKED]) : ''
    return [{ head: `HTTP/1.1 ${dice.pick(['200', '200', '200', '201'])} OK\r\n${more}${length}\r\n` }]
  }
  if (agrees) {
    const switched = dice.chance(0.9)
      ? `connection: Upgrade\r\nupgrade: ${token}\r\n`
      : dice.pick(['', 'upgrade: websocket\r\n', 'connection: upgrade\r\nupgrade: other\r\n', 'connection: close\r\n'])
    const length = dice.chance(0.05) ? dice.pick(['content-length: 0\r\n', 'content-length: 9\r\n', CHUNKED]) : ''
    return [{ head: `HTTP/1.1 101 Switching Protocols\r\n${switched}${more}${length}\r\n` }]
  }
  const status = dice.pick(['403', '426', '200', '404', '503', '500', '204', '304', '302', '101', '103'])
  const bodiless = /^(1|204|304)/.test(status)
  const framing = bodiless ? '' : dice.pick(['content-length: 2\r\n', 'content-length: 2\r\n', CHUNKED, ''])
  const head: Step = {
    head: `HTTP/1.1 ${status} No\r\n${more}${framing}\r\n${framing === CHUNKED ? '2\r\nno\r\n0\r\n\r\n' : ''}`,
  }
  if (bodiless || framing === CHUNKED) return [head]
  return framing === '' ? [head, { say: 2 }, 'end'] : [head, { say: 2 }]
}

const CHUNKED = 'transfer-encoding: chunked\r\n'

export function clientTail(dice: Dice, { downstream }: Plan): Script {
  const say = { say: dice.pick(SIZES) }
  // To Envoy a client of HTTP/1.1 that ends has gone, also if it waits for an answer.
  const early: Script = downstream === 'http2' ? [say, 'end', 'met'] : [say, 'met']
  return dice.pick<() => Script>([
    () => ['met', say, { hear: 1 }],
    () => ['met', say, { hear: 1 }, 'rest', { say: 5 }, 'rest', 'reset'],
    () => ['met', say, 'heed', 'end'],
    () => ['met', 'rest', say, 'rest', 'reset'],
    () => [say, 'met', { say: 5 }, { hear: 1 }, 'rest', 'reset'],
    () => [say, 'met', 'heed'],
    () => ['met', 'heed', { say: 5 }, 'rest', 'end'],
    () => ['met', say, { hear: 1 }, 'end', 'heed'],
    () => ['met', { say: 5 }, 'end'],
    () => early,
    () => ['rest', 'rest', 'rest', 'reset'],
    () => ['met', { say: LARGE }, { hear: 1 }, 'rest', 'rest', 'reset'],
    () => ['deaf', say, 'rest', 'rest', 'rest', 'listen', { hear: 10 }, 'rest', 'reset'],
    () => [say],
  ])()
}

export function upstreamTail(dice: Dice): Script {
  const say = { say: dice.pick(SIZES) }
  return dice.pick<() => Script>([
    () => [say, { hear: 1 }, 'rest', { say: 5 }],
    () => [{ hear: 1 }, say],
    () => [{ hear: 1 }, say, 'rest', 'end'],
    () => [{ hear: 1 }, say, 'rest', 'reset'],
    () => [say, 'end', 'heed'],
    () => ['rest', say, 'heed', 'end'],
    () => ['heed', 'end'],
    () => ['heed', say, 'rest', 'end'],
    () => [{ say: LARGE }, { hear: 1 }, 'rest', 'end'],
    () => ['deaf', 'rest', 'rest', 'rest', 'listen', say],
    () => [say],
    () => [],
  ])()
}
