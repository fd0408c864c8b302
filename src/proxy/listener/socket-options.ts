/** `socket_options` of listeners: those few that Node lets a program set. */
import type { Socket } from 'node:net'
import { type SocketOption, SocketOption_SocketState } from '../../../gen/envoy/config/core/v3/socket_option_pb.ts'
import { invalid, unsupported } from '../config/fields.ts'

// Linux's numbers, as Envoy hands them to setsockopt.
const SOL_SOCKET = 1
const IPPROTO_TCP = 6
const SO_KEEPALIVE = 9
const TCP_NODELAY = 1
const TCP_KEEPIDLE = 4

/** What is done to each accepted socket; the kernel's own way would be to inherit it from the listening one. */
export interface AcceptedSocketOptions {
  readonly keepAlive: boolean
  /** How long a connection is silent before the first probe; 0: the system's default. */
  readonly keepIdleMs: number
}

/** Compiles them; undefined: there is nothing to do. Throws on what Node does not let a program set. */
export function acceptedSocketOptions(
  options: readonly SocketOption[],
  path: string,
): AcceptedSocketOptions | undefined {
  if (options.length === 0) return undefined
  let keepAlive = false
  let keepIdleMs = 0
  options.forEach((option, i) => {
    const where = `${path}[${i}]`
    const { level, name, value, state } = option
    if (state === SocketOption_SocketState.STATE_BOUND) throw unsupported(`${where}.state`, 'STATE_BOUND')
    if (value.case !== 'intValue') throw invalid(`${where}.int_value`, 'missing')
    const number = Number(value.value)
    const which = `${level}/${name}`
    if (which === `${SOL_SOCKET}/${SO_KEEPALIVE}`) keepAlive = number !== 0
    else if (which === `${IPPROTO_TCP}/${TCP_KEEPIDLE}` && number > 0) keepIdleMs = number * 1000
    // Always on, as in Envoy.
    else if (which !== `${IPPROTO_TCP}/${TCP_NODELAY}` || number === 0)
      throw unsupported(where, `level ${level}, name ${name}, value ${number}; only SO_KEEPALIVE and TCP_KEEPIDLE are`)
  })
  return { keepAlive, keepIdleMs }
}

/** Sets them on a socket that was just accepted. */
export function applySocketOptions(socket: Socket, { keepAlive, keepIdleMs }: AcceptedSocketOptions): void {
  if (keepAlive) socket.setKeepAlive(true, keepIdleMs)
}
