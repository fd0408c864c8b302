import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Answers in the registry's place; returns false to let the real one answer. */
export type Fault = (request: IncomingMessage, response: ServerResponse, host: string) => boolean

/** A registry that misbehaves on demand: everything else goes on to a real one. */
export class FaultyRegistry {
  readonly host: string
  fault: Fault | undefined
  readonly #close: () => Promise<void>

  private constructor(host: string, close: () => Promise<void>) {
    this.host = host
    this.#close = close
  }

  static async start(real: { readonly host: string; readonly port: number }): Promise<FaultyRegistry> {
    const server = createServer((incoming, response) => {
      if (registry.fault?.(incoming, response, registry.host)) return
      const { method, url, headers } = incoming
      const outgoing = request({ ...real, method, path: url, headers, agent: false }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(response)
      })
      outgoing.on('error', () => response.destroy())
      incoming.pipe(outgoing)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    server.unref()
    const close = () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    const registry = new FaultyRegistry(`127.0.0.1:${(server.address() as AddressInfo).port}`, close)
    return registry
  }

  close(): Promise<void> {
    return this.#close()
  }
}
