/** What is told of an accepted connection. Classes, as each connection has one of each: see RATIONALE.md, "Why do connections keep no literals?". */
import type { Socket } from 'node:net'
import { unmapped } from '../match/cidr.ts'
import type { ConnectionInfo, TlsInfo } from '../network/connection-info.ts'
import { internalDepth } from '../network/internal-listeners.ts'
import type { ChainFacts } from './chain-facts.ts'

/** As the socket tells it, while it is open: a closed one does not know its addresses any more. */
export class SocketFacts implements ChainFacts {
  readonly localAddress: string
  readonly localPort: number
  readonly remoteAddress: string
  readonly remotePort: number
  readonly directRemoteAddress: string
  readonly serverName: string
  readonly transport: string
  readonly protocols: readonly string[]

  constructor(socket: Socket, serverName: string, transport: string, protocols: readonly string[]) {
    this.localAddress = unmapped(socket.localAddress ?? '')
    this.localPort = socket.localPort ?? 0
    this.remoteAddress = unmapped(socket.remoteAddress ?? '')
    this.remotePort = socket.remotePort ?? 0
    this.directRemoteAddress = this.remoteAddress
    this.serverName = serverName
    this.transport = transport
    this.protocols = protocols
  }
}

/** Of a connection that has its filter chain. */
export class AcceptedInfo implements ConnectionInfo {
  readonly id: number
  readonly localAddress: string
  readonly localPort: number
  readonly remoteAddress: string
  readonly remotePort: number
  readonly directRemoteAddress: string
  readonly directRemotePort: number
  readonly directLocalAddress: string
  readonly directLocalPort: number
  readonly listenerName: string
  readonly internalDepth: number | undefined
  readonly requestedServerName: string
  readonly tls: TlsInfo | undefined
  terminationDetails = ''
  responseFlags = 0

  constructor(id: number, socket: Socket, facts: ChainFacts, listenerName: string, tls: TlsInfo | undefined) {
    this.id = id
    this.localAddress = facts.localAddress
    this.localPort = facts.localPort
    this.remoteAddress = facts.remoteAddress
    this.remotePort = facts.remotePort
    this.directRemoteAddress = facts.directRemoteAddress
    this.directRemotePort = socket.remotePort ?? 0
    this.directLocalAddress = unmapped(socket.localAddress ?? '')
    this.directLocalPort = socket.localPort ?? 0
    this.listenerName = listenerName
    this.internalDepth = internalDepth(socket)
    this.requestedServerName = facts.serverName
    this.tls = tls
  }
}
