import type { Listener } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import { SluiceError } from '../../errors.ts'

/** Where a listener is opened. */
export interface Place {
  readonly host: string
  readonly port: number
}

/** `address:port` of a listener, as the management server gives it, to where it is opened here. */
export type ListenPlaces = ReadonlyMap<string, Place>

/**
 * Reads `0.0.0.0:8080=127.0.0.1:9080,…`. Where a Pod has a network of its own, a listener on all addresses is one on its Pod's; on
 * a machine that Pods share, somebody has to say which address and port are meant, as a load balancer's ports do.
 */
export function parseListenPlaces(text: string | undefined): ListenPlaces {
  const places = new Map<string, Place>()
  for (const rule of (text ?? '').split(',')) {
    if (rule.trim() === '') continue
    const match = /^\s*([^=\s]+:\d+)=(.+):(\d+)\s*$/.exec(rule)
    if (match === null) throw new SluiceError('SL6004', `«${rule}» is not ADDRESS:PORT=ADDRESS:PORT`)
    places.set(match[1], { host: match[2].replace(/^\[(.*)\]$/, '$1'), port: Number(match[3]) })
  }
  return places
}

/** Moves the addresses of a delivered listener in place. */
export function moveListener(listener: Listener, places: ListenPlaces): Listener {
  if (places.size === 0) return listener
  for (const address of [listener.address, ...listener.additionalAddresses.map((one) => one.address)]) {
    if (address?.address.case !== 'socketAddress') continue
    const socket = address.address.value
    if (socket.portSpecifier.case !== 'portValue') continue
    const place = places.get(`${socket.address}:${socket.portSpecifier.value}`)
    if (place === undefined) continue
    socket.address = place.host
    socket.portSpecifier.value = place.port
  }
  return listener
}
