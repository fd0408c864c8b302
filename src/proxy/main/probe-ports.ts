import { createServer } from 'node:net'
import { fromBinary } from '@bufbuild/protobuf'
import { ListenerSchema } from '../../../gen/envoy/config/listener/v3/listener_pb.ts'
import { messageOf, SluiceError } from '../../errors.ts'
import { type ListenAddress, listenAddresses } from '../listener/listen-address.ts'
import type { ConfigOp } from '../worker/protocol.ts'
import type { ConfigManager } from './config-manager.ts'

/**
 * Sockets that share an address (SO_REUSEPORT) would also share it with another program of the same user, and half of the requests would
 * go astray. So an address is bound alone once before they do.
 */
export async function probePorts(ops: readonly ConfigOp[], config: ConfigManager): Promise<void> {
  for (const op of ops) {
    if (op.kind !== 'listener') continue
    const where = `listener "${op.name}"`
    const active = config.listeners.get(op.name)?.active
    const own = active === undefined ? [] : listenAddresses(active.proto, where).map(told)
    for (const address of listenAddresses(fromBinary(ListenerSchema, op.bytes), where)) {
      if (address.port === 0 || address.ip.startsWith('/') || own.includes(told(address))) continue
      await probe(address, where)
    }
  }
}

function told({ ip, port }: ListenAddress): string {
  return `${ip} ${port}`
}

function probe({ ip: host, port, ipv6Only }: ListenAddress, where: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error) => {
      reject(new SluiceError('SL5003', `${host}:${port}: ${messageOf(error)}`, { where }))
    })
    server.listen({ host, port, ipv6Only, exclusive: true }, () => server.close(() => resolve()))
  })
}
