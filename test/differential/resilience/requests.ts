import type { Send } from '../../parity/case.ts'
import type { Dice } from '../filters/dice.ts'
import { conditions, may } from './policy.ts'

/** More than a request's buffer takes in some of the trials. */
export const BUFFER = 1000

export function request(dice: Dice, grpc: boolean, http2: boolean): Send {
  const send = parts(dice, grpc, http2)
  return http2 ? { ...send, version: 'HTTP/2' } : send
}

function parts(dice: Dice, grpc: boolean, http2: boolean): Send {
  const headers = {
    ...may(dice, grpc ? 1 : 0, () => ({ 'content-type': 'application/grpc', te: 'trailers' })),
    ...may(dice, grpc ? 0.5 : 0.05, () => ({ 'grpc-timeout': dice.pick(['300m', '300m', '450m', 'x', '']) })),
    ...may(dice, 0.35, () => asks(dice)),
    ...may(dice, 0.2, () => ({ 'x-mine': '1' })),
    ...may(dice, 0.05, () => ({ 'x-envoy-attempt-count': '5' })),
    ...may(dice, 0.05, () => ({ 'x-envoy-expected-rq-timeout-ms': '400' })),
    ...may(dice, 0.05, () => ({ 'x-envoy-is-timeout-retry': 'true' })),
  }
  if (!grpc && dice.chance(0.5)) return { method: dice.pick(['GET', 'GET', 'HEAD', 'DELETE']), headers }
  const body = 'b'.repeat(
    dice.pick([1, 10, BUFFER - 1, BUFFER, BUFFER + 1, BUFFER * 3, ...(http2 ? [BUFFER * 60] : [])]),
  )
  const form = dice.pick(['whole', 'whole', 'chunked', 'slow'])
  if (form === 'whole') return { method: 'POST', headers, body }
  if (form === 'chunked')
    return {
      method: 'POST',
      headers,
      chunks: [body.slice(0, 5), body.slice(5)].filter((chunk) => chunk !== ''),
      ...may(dice, 0.3, () => ({ trailers: { 'x-end': '1' } })),
    }
  return http2 ? slowOverHttp2(headers, body, dice) : slow(headers, body, dice)
}

/** The body comes in two parts, of which the second one may not come. */
function slowOverHttp2(headers: Readonly<Record<string, string>>, body: string, dice: Dice): Send {
  const first = dice.pick([0, 1, 5])
  return {
    method: 'POST',
    headers: {
      ...headers,
      ...may(dice, body.length > first ? 0.5 : 0, () => ({ 'content-length': String(body.length) })),
    },
    chunks: [body.slice(0, first)],
    // biome-ignore lint/suspicious/noThenProperty: nobody awaits what is sent
    then: { afterMs: 60, ...(dice.chance(0.2) ? { reset: 8 } : { raw: body.slice(first) || 'end' }) },
  }
}

/** The body comes in two parts. */
function slow(headers: Readonly<Record<string, string>>, body: string, dice: Dice): Send {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const first = dice.pick([0, 1, 5])
  return {
    raw: `POST / HTTP/1.1\r\nhost: a.example\r\n${lines.join('')}content-length: ${body.length}\r\n\r\n${body.slice(0, first)}`,
    // biome-ignore lint/suspicious/noThenProperty: nobody awaits what is sent
    then: { afterMs: 60, raw: body.slice(first) },
  }
}

/** What only trusted callers may ask for. */
function asks(dice: Dice): Readonly<Record<string, string>> {
  return {
    ...may(dice, 0.6, () => ({
      'x-envoy-retry-on': dice.chance(0.9) ? conditions(dice) : dice.pick(['none', '', '5xx,nonsense']),
    })),
    ...may(dice, 0.25, () => ({ 'x-envoy-retry-grpc-on': dice.pick(['cancelled', 'unavailable,internal', 'x']) })),
    ...may(dice, 0.4, () => ({ 'x-envoy-max-retries': dice.pick(['0', '1', '2', 'x', '']) })),
    ...may(dice, 0.3, () => ({ 'x-envoy-upstream-rq-timeout-ms': dice.pick(['300', '300', '700', 'x', '-1']) })),
    ...may(dice, 0.3, () => ({
      'x-envoy-upstream-rq-per-try-timeout-ms': dice.pick(['150', '150', '0', '2000', 'x']),
    })),
    ...may(dice, 0.2, () => ({ 'x-envoy-hedge-on-per-try-timeout': dice.pick(['true', 'true', 'false', '1']) })),
    ...may(dice, 0.2, () => ({ 'x-envoy-retriable-status-codes': dice.pick(['404', '429, 503', 'x,404', '']) })),
    ...may(dice, 0.2, () => ({ 'x-envoy-retriable-header-names': dice.pick(['x-again', 'X-Again,x-b', '']) })),
    ...may(dice, 0.1, () => ({ 'x-envoy-upstream-stream-duration-ms': dice.pick(['250', '0', 'x']) })),
    ...may(dice, 0.1, () => ({ 'x-envoy-upstream-alt-stat-name': 'other' })),
    ...may(dice, 0.1, () => ({ 'x-envoy-upstream-rq-timeout-alt-response': dice.pick(['1', '']) })),
  }
}
