/** PROXY protocol to upstreams (haproxy.org, proxy-protocol.txt): the connection tells whom it is made for. */
import { isIPv4, isIPv6 } from 'node:net'
import {
  ProxyProtocolConfigSchema,
  ProxyProtocolConfig_Version as Version,
} from '../../../gen/envoy/config/core/v3/proxy_protocol_pb.ts'
import {
  type ProxyProtocolUpstreamTransport,
  ProxyProtocolUpstreamTransportSchema,
} from '../../../gen/envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol_pb.ts'
import { ipBytes } from '../../base/ip-bytes.ts'
import { onlyFields } from '../config/fields.ts'

/** Both ends of the connection for which one to an upstream is made; of a ConnectionInfo. */
export interface ProxiedAddresses {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
  /** How many internal listeners the connection has come through. */
  readonly internalDepth?: number
}

/** Writes the header of a connection; `undefined` stands for one that the proxy makes of its own accord. */
export type ProxyHeaderWriter = (source: ProxiedAddresses | undefined) => Buffer

/** What writes the header that is configured. */
export function proxyHeaderWriter(proto: ProxyProtocolUpstreamTransport, path: string): ProxyHeaderWriter {
  onlyFields(ProxyProtocolUpstreamTransportSchema, proto, ['config', 'transport_socket'], path)
  const { config } = proto
  if (config !== undefined) onlyFields(ProxyProtocolConfigSchema, config, ['version'], `${path}.config`)
  return config?.version === Version.V2 ? version2 : version1
}

function version1(source: ProxiedAddresses | undefined): Buffer {
  if (source === undefined) return Buffer.from('PROXY UNKNOWN\r\n')
  const { remoteAddress, localAddress, remotePort, localPort } = source
  const family = isIPv4(remoteAddress) && isIPv4(localAddress) ? 'TCP4' : 'TCP6'
  // Other kinds of sockets have no addresses that the line could tell.
  if (family === 'TCP6' && !(isIPv6(remoteAddress) && isIPv6(localAddress))) return version1(undefined)
  const [from, to] = [remoteAddress, localAddress].map((address) => address.split('%')[0])
  return Buffer.from(`PROXY ${family} ${from} ${to} ${remotePort} ${localPort}\r\n`)
}

const SIGNATURE = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a])
const LOCAL = 0x20
const PROXY = 0x21
const TCP4 = 0x11
const TCP6 = 0x21

function version2(source: ProxiedAddresses | undefined): Buffer {
  const from = source && ipBytes(source.remoteAddress)
  const to = source && ipBytes(source.localAddress)
  if (source === undefined || from === undefined || to === undefined || from.length !== to.length)
    return Buffer.concat([SIGNATURE, Buffer.from([LOCAL, 0, 0, 0])])
  const ports = Buffer.alloc(4)
  ports.writeUInt16BE(source.remotePort, 0)
  ports.writeUInt16BE(source.localPort, 2)
  const family = from.length === 4 ? TCP4 : TCP6
  return Buffer.concat([SIGNATURE, Buffer.from([PROXY, family, 0, 2 * from.length + 4]), from, to, ports])
}
