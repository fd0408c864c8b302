import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const LOOK_MS = 10
const PATIENCE_MS = 3_000

/**
 * Waits until the peer, on this machine, has read what was sent to it: on a busy machine a pause alone does not keep two pieces
 * apart. Known from the receive queue of the peer's socket (proc(5), net/tcp); elsewhere than on Linux the pause has to do.
 */
export async function taken(socket: Socket): Promise<void> {
  const until = performance.now() + PATIENCE_MS
  while (unread(socket) && performance.now() < until) await sleep(LOOK_MS)
}

function unread({ localPort, remotePort }: Socket): boolean {
  if (localPort === undefined || remotePort === undefined || process.platform !== 'linux') return false
  const theirs = new RegExp(`^\\s*\\d+: \\w+:${hex(remotePort)} \\w+:${hex(localPort)} \\w+ \\w+:(\\w+) `, 'm')
  const queue = theirs.exec(readFileSync('/proc/net/tcp', 'latin1'))?.[1]
  return queue !== undefined && Number.parseInt(queue, 16) > 0
}

function hex(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0')
}
