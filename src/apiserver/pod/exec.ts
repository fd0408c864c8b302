import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Api, User } from '../rest/context.ts'
import type { PodRuntime } from './runtime.ts'

export function upgradeExec(
  _api: Api,
  _runtime: PodRuntime | undefined,
  _request: IncomingMessage,
  socket: Duplex,
  _head: Buffer,
  _user: User | undefined,
): void {
  socket.end('HTTP/1.1 501 Not Implemented\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')
}
