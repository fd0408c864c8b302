import type { Server } from 'node:http'
import { parentPort } from 'node:worker_threads'
import { createServer } from '../../base/node-http.ts'
import { Forwarder } from './forward.ts'
import type { Command, Report } from './outbound.ts'

const forwarder = new Forwarder()
const servers = new Map<string, Server>()

function open(ip: string, port: number, namespace: string): void {
  const server = createServer((request, response) => forwarder.handle(namespace, request, response))
  server.keepAliveTimeout = 65_000
  server.once('error', (error) => report({ ip, error: error.message }))
  server.listen({ host: ip, port, exclusive: true }, () => report({ ip }))
  servers.set(ip, server)
}

function close(ip: string): void {
  const server = servers.get(ip)
  servers.delete(ip)
  server?.close()
  server?.closeAllConnections()
}

function report(message: Report): void {
  parentPort?.postMessage(message)
}

parentPort?.on('message', (command: Command) => {
  if (command.kind === 'routes') forwarder.routes = command.routes
  else if (command.kind === 'open') open(command.ip, command.port, command.namespace)
  else close(command.ip)
})
