import { createServer } from 'node:net'
import { fromBinary } from '@bufbuild/protobuf'
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import { messageOf, SluiceError } from '../../errors.ts'
import { type ListenAddress, listenAddresses } from '../listener/listen-address.ts'
import type { ConfigOp } from '../worker/protocol.ts'
import type { ConfigManager } from './config-manager.ts'

/**
 * Workers that share a port (SO_REUSEPORT) would also share it with another program of the same user, and half of the requests
 * would go astray. So a new address is bound alone once before they do.
 */
export async function probePorts(ops: readonly ConfigOp[], config: ConfigManager): Promise<readonly ConfigOp[]> {
  for (const op of ops) {
    if (op.kind !== 'listener' || config.listeners.get(op.name)?.active !== undefined) continue
    const listener = fromBinary(ListenerSchema, op.bytes)
    const [address] = listenAddresses(listener, `listener "${op.name}"`)
    if (address !== undefined && address.port !== 0 && !address.ip.startsWith('/')) await probe(address, op.name)
  }
  return ops
}

function probe({ ip: host, port, ipv6Only }: ListenAddress, listener: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error) => {
      reject(new SluiceError('SL5003', `${host}:${port}: ${messageOf(error)}`, { where: `listener "${listener}"` }))
    })
    server.listen({ host, port, ipv6Only, exclusive: true }, () => server.close(() => resolve()))
  })
}
